"""Initialisation vectors: deterministic, so that packaging twice gives the same bytes, and never shared.

In counter mode (``cenc``) two samples with one key and one IV leak the XOR of their contents, so uniqueness is by
construction and not by chance: the upper 16 bits of the 64-bit IV number the rendition, the lower 48 the sample. 2^48
samples of AAC are two hundred thousand years. This holds for one encoding of one song. A content key must therefore
never encrypt a second, different encoding with ``cenc``: its scope has to name everything that the encoded bytes
depend on (the master's digest and the settings), not just the song.

In CBC mode (``cbcs``, AES-128) a repeated IV leaks only that two samples begin alike; each rendition still has its own.
"""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

SAMPLE_BITS = 48
MAX_RENDITIONS = 1 << 16


def first_iv(rendition_index: int) -> int:
    """The IV of the first sample of a rendition, as a 64-bit number; sample i adds i (ISO/IEC 23001-7 §9.3)."""
    if not 0 <= rendition_index < MAX_RENDITIONS:
        raise ValueError(f"rendition index {rendition_index}: 0 to {MAX_RENDITIONS - 1}")
    return rendition_index << SAMPLE_BITS


def constant_iv(kid: UUID, rendition_name: str) -> bytes:
    """The 16-byte IV of a whole rendition, from its key and its name (ISO/IEC 23001-7 §9.2, RFC 8216bis §4.4.4.4)."""
    return sha256(b"tonearm constant IV\0" + kid.bytes + rendition_name.encode()).digest()[:16]
