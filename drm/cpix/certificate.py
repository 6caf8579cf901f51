"""An X.509 certificate as CPIX uses it: an envelope around an RSA public key, compared byte for byte.

Whom to trust is settled beforehand by exchanging certificates (CPIX 2.3 §4.2): a known certificate is trusted, any other is
not. Chains, dates and revocation are therefore not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from Crypto.IO import PEM
from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey

from media.errors import ContentKeyError

MIN_BITS = 2048  # what SPEKE uses; CPIX recommends 3072


@dataclass(frozen=True, slots=True)
class Certificate:
    """`der` is the certificate's own encoding."""

    der: bytes

    @classmethod
    def load(cls, data: bytes) -> Certificate:
        """From the bytes of a file, PEM or DER. Raises `ContentKeyError` for what has no RSA key of 2048 bits or more."""
        try:
            der = PEM.decode(data.decode("ascii"))[0] if data.lstrip().startswith(b"-----BEGIN") else data
        except ValueError as error:
            raise ContentKeyError(f"X.509 certificate: {error}") from None
        certificate = cls(der)
        certificate.public_key()
        return certificate

    def public_key(self) -> RsaKey:
        """Raises `ContentKeyError`."""
        try:
            key = RSA.import_key(self.der)
        except (ValueError, IndexError, TypeError):
            raise ContentKeyError("X.509 certificate: it holds no RSA key that we can read") from None
        if key.has_private():
            raise ContentKeyError("X.509 certificate: this is a private key")
        if key.size_in_bits() < MIN_BITS:
            raise ContentKeyError(
                f"X.509 certificate: an RSA key of {key.size_in_bits()} bits; {MIN_BITS} are the least"
            )
        return key
