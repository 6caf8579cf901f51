"""HLS ``METHOD=AES-128``: a whole media segment in AES-128-CBC with PKCS #7 padding.

RFC 8216bis §4.4.4.4 and §5.2: each segment is encrypted from its first byte to its last, with the chain starting from
the IV that ``EXT-X-KEY`` names; padding follows RFC 5652 §6.3. A protected segment is one to sixteen bytes longer.
"""

from __future__ import annotations

from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad

from media.errors import FormatError


def encrypt(segment: bytes, *, key: bytes, iv: bytes) -> bytes:
    """Protect one whole segment; `key` and `iv` have 16 bytes each."""
    return AES.new(key, AES.MODE_CBC, iv=iv).encrypt(pad(segment, AES.block_size))


def decrypt(segment: bytes, *, key: bytes, iv: bytes) -> bytes:
    """The inverse. Raises `FormatError` on a length or a padding that no encryption leaves: the wrong key, mostly."""
    if not segment or len(segment) % AES.block_size:
        raise FormatError(f"AES-128 segment: {len(segment)} bytes are no whole number of blocks")
    try:
        return unpad(AES.new(key, AES.MODE_CBC, iv=iv).decrypt(segment), AES.block_size)
    except ValueError:
        raise FormatError("AES-128 segment: bad padding; wrong key or IV, or damaged bytes") from None
