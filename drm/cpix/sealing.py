"""Encrypting content keys for recipients (CPIX 2.3 §6.1).

Each document has two random secrets, a document key and a MAC key. Every content key is encrypted with the document key
(AES-256-CBC, PKCS #7, the IV in front) and authenticated with the MAC key (HMAC-SHA-512 over IV and ciphertext). Both secrets
are encrypted for each recipient with the RSA key of their certificate (OAEP with SHA-1 and MGF1).

The MAC is checked before anything is decrypted, and its absence is refused: without it, CBC padding would answer
questions to whoever can make us read documents. It binds a key to the document's secrets and not to its KID: that two keys
changed places, only a signature notices.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha512

from Crypto.Cipher import AES, PKCS1_OAEP
from Crypto.Hash import SHA1
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Util.Padding import pad, unpad

from media.errors import ContentKeyError

DOCUMENT_KEY, MAC_KEY = 32, 64  # bytes
Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Secrets:
    """The document key and the MAC key of one document."""

    key: bytes = field(repr=False)
    mac_key: bytes = field(repr=False)

    @classmethod
    def make(cls, random: Random) -> Secrets:
        return cls(random(DOCUMENT_KEY), random(MAC_KEY))

    def seal(self, plain: bytes, random: Random) -> tuple[bytes, bytes]:
        """CipherValue (IV and ciphertext) and ValueMAC of one content key."""
        iv = random(AES.block_size)
        sealed = iv + AES.new(self.key, AES.MODE_CBC, iv=iv).encrypt(pad(plain, AES.block_size))
        return sealed, self._mac(sealed)

    def open(self, sealed: bytes, mac: bytes) -> bytes:
        """The inverse. Raises `ContentKeyError` when the MAC is not ours."""
        if not hmac.compare_digest(self._mac(sealed), mac):
            raise ContentKeyError("ValueMAC does not fit the encrypted key")
        try:
            return unpad(AES.new(self.key, AES.MODE_CBC, iv=sealed[:16]).decrypt(sealed[16:]), AES.block_size)
        except ValueError:
            raise ContentKeyError("the document key does not open the encrypted key") from None

    def _mac(self, sealed: bytes) -> bytes:
        return hmac.digest(self.mac_key, sealed, sha512)


def wrap(secret: bytes, public_key: RsaKey, random: Random) -> bytes:
    """A secret for the owner of `public_key`."""
    return PKCS1_OAEP.new(public_key, hashAlgo=SHA1, randfunc=random).encrypt(secret)


def unwrap(wrapped: bytes, private_key: RsaKey, size: int) -> bytes:
    """The inverse; the secret has `size` bytes. Raises `ContentKeyError`."""
    try:
        secret = PKCS1_OAEP.new(private_key, hashAlgo=SHA1).decrypt(wrapped)
    except (ValueError, TypeError):
        raise ContentKeyError("the private key does not open it") from None
    if len(secret) != size:
        raise ContentKeyError(f"a secret of {len(secret)} bytes; {size} are expected")
    return secret
