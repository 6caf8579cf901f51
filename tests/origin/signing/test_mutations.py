"""A hundred thousand tokens of all kinds that were changed somewhere: none opens anything.

Our own kind and Akamai's get most of it. An RSA verification costs ten times a HMAC and is pycryptodome's work, so CloudFront gets
four thousand.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import unquote

import pytest
from Crypto.PublicKey import RSA

from media.errors import TokenError
from media.ports import SignedRequest, Terms, UrlSigner
from origin.signing.akamai import AkamaiSigner
from origin.signing.cloudfront import CloudFrontSigner
from origin.signing.s3 import S3Signer
from origin.signing.tonearm import TonearmSigner
from origin.tokens import TokenKeys

NOW = 1_790_000_000_000
FOLDER = "songs/a-song/0123456789abcdef"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"
KEYS = TokenKeys({"k1": bytes(range(32)), "k2": bytes(32)}, "k1")
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_~!*=.&/%+ \x00é"


def tonearm() -> tuple[UrlSigner, list[Terms]]:
    until = NOW + 60_000
    return TonearmSigner(KEYS), [
        Terms((f"{FOLDER}/*",), until),
        Terms((f"{FOLDER}/*",), until, NOW, "u42", "192.0.2.7"),
        Terms(("songs/a-song/*", "songs/b/*/public/*"), until, 0, "u42"),
    ]


def akamai() -> tuple[UrlSigner, list[Terms]]:
    until = NOW + 60_000
    return AkamaiSigner([bytes(32), bytes(range(32))], salt="pepper"), [
        Terms((f"{FOLDER}/*",), until),
        Terms((f"{FOLDER}/*", "songs/b/*"), until, NOW, "u42", "192.0.2.7"),
        Terms((SEGMENT,), until),
    ]


def cloudfront() -> tuple[UrlSigner, list[Terms]]:
    until, key = NOW + 60_000, RSA.generate(2048)
    return CloudFrontSigner("https://d.cloudfront.net", "K1", key, {"K1": key, "K2": RSA.generate(1024)}), [
        Terms((f"{FOLDER}/*",), until, NOW - 1000, "", "192.0.2.7"),
        Terms((SEGMENT,), until),
    ]


def s3() -> tuple[UrlSigner, list[Terms]]:
    return S3Signer("https://b.s3.amazonaws.com", "eu-central-1", "AKIA", "secret", lambda: NOW), [
        Terms((SEGMENT,), NOW + 60_000)
    ]


def mutated(generator: random.Random, text: str, other: str) -> str:
    """Letters exchanged, left out, put in; or two tokens' halves."""
    if generator.random() < 0.1:
        at = generator.randrange(1, min(len(text), len(other)))
        return text[:at] + other[at:]
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(text) + 1)
        letters = "".join(generator.choices(ALPHABET, k=generator.randint(0, 3)))
        text = text[:at] + letters + text[at + generator.randint(0, 3) :]
    return text


@pytest.mark.parametrize(
    ("kind", "count"), [(tonearm, 50_000), (akamai, 38_000), (s3, 8_000), (cloudfront, 4_000)]
)
def test_no_mutated_token_is_accepted(kind: Callable[[], tuple[UrlSigner, list[Terms]]], count: int) -> None:
    signer, terms = kind()
    genuine = []
    for each in terms:
        signed = signer.sign(each)
        genuine.append(signed.prefix or signed.query)
        signer.verify(request(genuine[-1]), now_ms=NOW)  # as it is, it opens
    spellings = {unquote(text) for text in genuine}
    generator = random.Random(20261128)
    tried, accepted = 0, []
    while tried < count:
        text = mutated(generator, generator.choice(genuine), generator.choice(genuine))
        asked = request(text)
        if unquote(text) in spellings or unquote(signer.carried(asked)) in spellings:
            continue  # the same token in other letters, or beside another parameter
        tried += 1
        with suppress(TokenError):
            accepted.append((text, signer.verify(asked, now_ms=NOW)))
    assert accepted == []


def request(text: str) -> SignedRequest:
    if text.startswith("t/"):
        return SignedRequest(f"{text}{SEGMENT}", client="192.0.2.7")
    return SignedRequest(SEGMENT, text, client="192.0.2.7")
