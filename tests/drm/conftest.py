"""Shared by the tests of this room: people who exchange documents, and property tests that no busy clock fails.

Property tests of the ciphers and documents are judged by their answers. A person is an RSA key and a self-signed
certificate, made once a session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from Crypto.Hash import SHA256
from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import pkcs1_15
from Crypto.Util.asn1 import DerBitString, DerInteger, DerNull, DerObject, DerObjectId, DerSequence, DerSetOf
from hypothesis import settings

from drm.cpix import Certificate, Signer

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@dataclass(frozen=True)
class Person:
    key: RsaKey
    certificate: Certificate

    @property
    def signer(self) -> Signer:
        return Signer(self.certificate, self.key)


def self_signed(key: RsaKey, name: str) -> bytes:
    """RFC 5280 §4.1, version 3 without extensions."""
    algorithm = DerSequence([DerObjectId("1.2.840.113549.1.1.11").encode(), DerNull().encode()])
    common_name = DerSequence([DerObjectId("2.5.4.3").encode(), DerObject(0x0C, name.encode()).encode()])
    subject = DerSequence([DerSetOf([common_name.encode()]).encode()])
    validity = DerSequence(
        [DerObject(0x17, b"260101000000Z").encode(), DerObject(0x17, b"460101000000Z").encode()]
    )
    version = DerInteger(2, explicit=0)
    public = key.public_key().export_key(format="DER")
    parts = [each.encode() for each in (version, DerInteger(1), algorithm, subject, validity, subject)]
    signed = DerSequence([*parts, public]).encode()
    signature = pkcs1_15.new(key).sign(SHA256.new(signed))
    return DerSequence([signed, algorithm.encode(), DerBitString(signature).encode()]).encode()


def _person(name: str, bits: int = 2048) -> Person:
    key = RSA.generate(bits)
    return Person(key, Certificate(self_signed(key, name)))


@pytest.fixture(scope="session")
def server() -> Person:
    return _person("key server")


@pytest.fixture(scope="session")
def packager() -> Person:
    return _person("packager")


@pytest.fixture(scope="session")
def stranger() -> Person:
    return _person("stranger")


@pytest.fixture(scope="session")
def person() -> Callable[[str, int], Person]:
    return _person
