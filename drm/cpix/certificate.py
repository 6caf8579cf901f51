"""An X.509 certificate as CPIX uses it: an envelope around an RSA public key, compared byte for byte.

Whom to trust is settled beforehand by exchanging certificates (CPIX 2.3 §4.2): a known certificate is trusted, any other is
not. Chains, dates and revocation are therefore not looked at.
"""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass

from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Util.asn1 import DerSequence

from media.errors import ContentKeyError

MIN_BITS = 2048  # what SPEKE uses; CPIX recommends 3072
MAX_BITS = 16_384  # these two are OpenSSL's: a stranger's certificate must not keep us busy for minutes
MAX_EXPONENT = 1 << 64
# RFC 7468 §5, with any text around it (§5.2). No two repetitions in a row: a stranger's megabyte takes linear time.
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")


@dataclass(frozen=True, slots=True)
class Certificate:
    """`der` is the certificate's own encoding."""

    der: bytes

    @classmethod
    def load(cls, data: bytes) -> Certificate:
        """From the bytes of a file, PEM or DER. Raises `ContentKeyError` for what has no RSA key of 2048 bits or more.

        A chain is refused: which of its certificates is meant would be a guess about whom to trust.
        """
        found = _PEM.findall(data)
        if len(found) > 1:
            raise ContentKeyError(f"X.509 certificate: {len(found)} in one file; one is expected")
        try:
            der = b64decode(b"".join(found[0].split()), validate=True) if found else data
        except ValueError:
            raise ContentKeyError("X.509 certificate: its PEM is not base64") from None
        certificate = cls(der)
        certificate.public_key()
        return certificate

    def public_key(self) -> RsaKey:
        """Raises `ContentKeyError`."""
        try:
            key = RSA.import_key(self.der)
            if key.has_private():
                raise ContentKeyError("X.509 certificate: this is a private key")
            # A bare public key, which `import_key` takes too, is a sequence of two, or text.
            DerSequence().decode(self.der, nr_elements=3)
        except (ValueError, IndexError, TypeError):
            raise ContentKeyError("X.509 certificate: it holds no RSA key that we can read") from None
        if key.size_in_bits() < MIN_BITS:
            raise ContentKeyError(
                f"X.509 certificate: an RSA key of {key.size_in_bits()} bits; {MIN_BITS} are the least"
            )
        if key.size_in_bits() > MAX_BITS or key.e > MAX_EXPONENT:
            raise ContentKeyError("X.509 certificate: an RSA key larger than anybody uses")
        return key
