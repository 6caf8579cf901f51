"""What every kind of signature does, whichever it is."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from Crypto.PublicKey import RSA

from media.errors import TokenExpired, TokenInvalid, TokenOutOfScope
from media.ports import SignedRequest, Terms, UrlSigner
from origin.signing.akamai import AkamaiSigner
from origin.signing.cloudfront import CloudFrontSigner
from origin.signing.gate import Gate
from origin.signing.s3 import S3Signer
from origin.signing.tonearm import TonearmSigner
from origin.tokens import TokenKeys

NOW = 1_790_000_000_000
FOLDER = "songs/a-song/0123456789abcdef"
OBJECT = f"{FOLDER}/hls.m3u8"
TERMS = Terms((OBJECT,), NOW + 60_000, NOW)


@cache
def signers() -> dict[str, UrlSigner]:
    key = RSA.generate(2048)
    return {
        "tonearm": TonearmSigner(TokenKeys({"k1": bytes(32)}, "k1")),
        "akamai": AkamaiSigner([bytes(32)]),
        "cloudfront": CloudFrontSigner("https://d.cloudfront.net", "K1", key, {"K1": key}),
        "s3": S3Signer("https://b.example", "eu-central-1", "AKID", "secret", lambda: NOW),
    }


kinds = pytest.mark.parametrize("kind", ["tonearm", "akamai", "cloudfront", "s3"])


def requests(signer: UrlSigner, terms: Terms, path: str = OBJECT) -> list[SignedRequest]:
    """The request for `path` in every way in which the signature may come: in the address, in cookies."""
    signed = signer.sign(terms)
    asked = [SignedRequest(f"{signed.prefix}{path}", signed.query)]
    return asked + ([SignedRequest(path, "", signed.cookies)] if signed.cookies else [])


@kinds
def test_what_was_signed_is_what_is_read(kind: str) -> None:
    signer = signers()[kind]
    for asked in requests(signer, TERMS):
        assert signer.verify(asked, now_ms=NOW) == TERMS


@kinds
def test_its_time_is_a_half_open_interval(kind: str) -> None:
    signer = signers()[kind]
    for asked in requests(signer, TERMS):
        signer.verify(asked, now_ms=TERMS.expires_ms - 1)
        for now in (NOW - 1, TERMS.expires_ms):
            with pytest.raises(TokenExpired):
                signer.verify(asked, now_ms=now)


@kinds
def test_another_object_is_not_opened(kind: str) -> None:
    signer = signers()[kind]
    for asked in requests(signer, TERMS, f"{FOLDER}/dash.mpd"):
        with pytest.raises((TokenInvalid, TokenOutOfScope)):  # some sign the path, and some compare it
            signer.verify(asked, now_ms=NOW)


@pytest.mark.parametrize("kind", ["tonearm", "akamai", "cloudfront"])
def test_one_signature_opens_a_presentation_and_no_other(kind: str) -> None:
    signer = signers()[kind]
    terms = replace(TERMS, scopes=(f"{FOLDER}/*",))
    for path in (OBJECT, f"{FOLDER}/audio/normal/00001.m4s"):
        for asked in requests(signer, terms, path):
            assert signer.verify(asked, now_ms=NOW) == terms
    for path in ("songs/b/0123456789abcdef/hls.m3u8", f"{FOLDER}", f"{FOLDER}/a#b", f"{FOLDER}/../x"):
        for asked in requests(signer, terms, path):
            with pytest.raises(TokenOutOfScope):
                signer.verify(asked, now_ms=NOW)


@pytest.mark.parametrize("kind", ["tonearm", "akamai", "cloudfront"])
def test_a_bound_signature_is_for_its_address(kind: str) -> None:
    signer = signers()[kind]
    terms = replace(TERMS, client="192.0.2.7")
    for asked in requests(signer, terms):
        assert signer.verify(replace(asked, client="192.0.2.7"), now_ms=NOW) == terms
        for client in ("", "192.0.2.8", "::1"):
            with pytest.raises(TokenOutOfScope):
                signer.verify(replace(asked, client=client), now_ms=NOW)


@kinds
def test_no_kind_takes_anothers_signature_for_its_own(kind: str) -> None:
    for other, signer in signers().items():
        for asked in requests(signers()[kind], TERMS):
            assert signer.knows(asked) == (other == kind)


@kinds
def test_only_a_query_is_carried_on(kind: str) -> None:
    signer = signers()[kind]
    carried = [
        signer.carried(replace(asked, query=f"a=1&{asked.query}&b=2")) for asked in requests(signer, TERMS)
    ]
    assert carried == ([signer.sign(TERMS).query, ""] if kind in ("akamai", "cloudfront") else [""])


@kinds
def test_the_gate_asks_the_kind_that_a_request_carries(kind: str) -> None:
    class Rack:
        def current(self) -> list[UrlSigner]:
            return [signer for name, signer in signers().items() if name != "tonearm"]

    gate = Gate(signers()["tonearm"], Rack())
    for asked in requests(signers()[kind], TERMS):
        terms, carried = gate.admit(asked, now_ms=NOW)
        assert (terms, carried) == (TERMS, signers()[kind].carried(asked))
    with pytest.raises(TokenInvalid, match="there is none"):
        gate.admit(SignedRequest(OBJECT), now_ms=NOW)
