"""CloudFront's URLs and cookies, held against botocore's signer and the examples in Amazon's guide."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.signers import CloudFrontSigner as Theirs
from Crypto.Hash import SHA1
from Crypto.PublicKey import RSA
from Crypto.PublicKey.RSA import RsaKey
from Crypto.Signature import pkcs1_15

from media.errors import SettingsError, TokenExpired, TokenInvalid, TokenOutOfScope
from media.ports import SignedRequest, Terms
from origin.signing.cloudfront import CloudFrontSigner

NOW = 1_790_000_000_000
BASE = "https://d111111abcdef8.cloudfront.net"
FOLDER = "songs/a-song/0123456789abcdef"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"
TERMS = Terms((f"{FOLDER}/*",), NOW + 60_000)
ONE = Terms((SEGMENT,), NOW + 60_000)
KEY_ID = "K2JCJMDEHXQW5F"


@cache
def rsa_key() -> RsaKey:
    """Made once: finding two primes takes a second."""
    return RSA.generate(2048)


@pytest.fixture
def signer() -> CloudFrontSigner:
    return CloudFrontSigner(BASE, KEY_ID, rsa_key(), {KEY_ID: rsa_key().public_key()})


@pytest.fixture
def theirs() -> Theirs:
    return Theirs(KEY_ID, lambda message: pkcs1_15.new(rsa_key()).sign(SHA1.new(message)))


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms // 1000, UTC)


def request(url_or_query: str, path: str = SEGMENT, client: str = "") -> SignedRequest:
    return SignedRequest(path, url_or_query.rpartition("?")[2], client=client)


def test_a_canned_policy_is_signed_as_botocore_signs_it(signer: CloudFrontSigner, theirs: Theirs) -> None:
    url = theirs.generate_presigned_url(f"{BASE}/{SEGMENT}", date_less_than=moment(ONE.expires_ms))
    assert f"{BASE}/{SEGMENT}?{signer.sign(ONE).query}" == url
    assert signer.verify(request(url), now_ms=NOW) == ONE


@pytest.mark.parametrize(
    "terms",
    [
        TERMS,
        replace(TERMS, not_before_ms=NOW - 5000),
        replace(TERMS, client="192.0.2.7"),
        replace(TERMS, client="192.0.2.7", not_before_ms=NOW - 5000),
        replace(ONE, client="192.0.2.7"),
    ],
)
def test_a_custom_policy_says_what_botocores_says(
    signer: CloudFrontSigner, theirs: Theirs, terms: Terms
) -> None:
    policy = theirs.build_policy(
        f"{BASE}/{terms.scopes[0]}",
        moment(terms.expires_ms),
        date_greater_than=moment(terms.not_before_ms) if terms.not_before_ms else None,
        ip_address=f"{terms.client}/32" if terms.client else None,
    )
    url = theirs.generate_presigned_url(f"{BASE}/{SEGMENT}", policy=policy)
    assert signer.verify(request(url, client=terms.client), now_ms=NOW) == terms
    ours = parse_qs(signer.sign(terms).query)
    sent = base64.b64decode(ours["Policy"][0].translate(str.maketrans("-_~", "+=/")))
    assert json.loads(sent) == json.loads(policy)
    signature = base64.b64decode(ours["Signature"][0].translate(str.maketrans("-_~", "+=/")))
    pkcs1_15.new(rsa_key().public_key()).verify(SHA1.new(sent), signature)
    assert signer.verify(request(signer.sign(terms).query, client=terms.client), now_ms=NOW) == terms


def test_cookies_have_the_same_values_under_cloudfronts_names(signer: CloudFrontSigner) -> None:
    signed = signer.sign(TERMS)
    assert set(signed.cookies) == {"CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"}
    asked = SignedRequest(SEGMENT, "x=1", signed.cookies)
    assert signer.knows(asked)
    assert signer.verify(asked, now_ms=NOW) == TERMS
    assert signer.carried(asked) == ""


def test_own_parameters_are_part_of_a_canned_resource(signer: CloudFrontSigner, theirs: Theirs) -> None:
    """As in the guide: https://…/image.jpg?color=red&size=medium&Expires=…"""
    url = theirs.generate_presigned_url(
        f"{BASE}/{SEGMENT}?color=red&size=medium", date_less_than=moment(ONE.expires_ms)
    )
    query = urlsplit(url).query
    assert signer.verify(request(query), now_ms=NOW).scopes == (f"{SEGMENT}?color=red&size=medium",)
    with pytest.raises(TokenInvalid):
        signer.verify(request(query.replace("color=red", "color=blue")), now_ms=NOW)


# The policies that Amazon's guide gives as examples ("Creating a signed URL using a custom policy").
GUIDE = [
    (
        '{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/game_download.zip",'
        '"Condition":{"IpAddress":{"AWS:SourceIp":"192.0.2.0/24"},"DateLessThan":{"AWS:EpochTime":1767290400}}}]}',
        "game_download.zip",
        "192.0.2.77",
        1_767_290_399_999,
    ),
    (
        '{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/training/*",'
        '"Condition":{"IpAddress":{"AWS:SourceIp":"192.0.2.10/32"},'
        '"DateGreaterThan":{"AWS:EpochTime":1767290400},"DateLessThan":{"AWS:EpochTime":1767292200}}}]}',
        "training/orientation.pdf",
        "192.0.2.10",
        1_767_290_400_000,
    ),
    # As it stands base64-encoded in the guide, carriage returns and all, but for ten letters that say EXAMPLE there.
    (
        base64.b64decode(
            "eyANCiAgICJTdGF0ZW1lbnQiOiBbeyANCiAgICAgICJSZXNvdXJjZSI6Imh0dHA6Ly9kemJlc3FtN3VuMW0wLmNsb3VkZnJvbnQubmV0"
            "L2RlbW8ucGhwIiwgDQogICAgICAiQ29uZGl0aW9uIjp7IA0KICAgICAgICAgIklwQWRkcmVzcyI6eyJBV1M6U291cmNlSXAiOiIyMDcu"
            "MTcxLjE4MC4xMDEvMzIifSwNCiAgICAgICAgICJEYXRlR3JlYXRlclRoYW4iOnsiQVdTOkVwb2NoVGltZSI6MTI5Njg2MDE3Nn0sDQog"
            "ICAgICAgICAiRGF0ZUxlc3NUaGFuIjp7IkFXUzpFcG9jaFRpbWUiOjEyOTY4NjAyMjZ9DQogICAgICB9IA0KICAgfV0gDQp9DQo="
        ).decode(),
        "demo.php",
        "207.171.180.101",
        1_296_860_176_000,
    ),
]


@pytest.mark.parametrize(("policy", "path", "client", "now"), GUIDE)
def test_the_policies_of_amazons_guide_open_what_it_says_and_nothing_else(
    signer: CloudFrontSigner, theirs: Theirs, policy: str, path: str, client: str, now: int
) -> None:
    base = "http://dzbesqm7un1m0.cloudfront.net" if "demo.php" in policy else BASE
    signer = replace(signer, base=base)
    url = theirs.generate_presigned_url(f"{base}/{path}", policy=policy)
    signer.verify(request(url, path, client), now_ms=now)
    with pytest.raises(TokenOutOfScope):
        signer.verify(request(url, path, "198.51.100.1"), now_ms=now)
    with pytest.raises(TokenOutOfScope):
        signer.verify(request(url, f"other/{path}", client), now_ms=now)
    with pytest.raises(TokenExpired):
        signer.verify(request(url, path, client), now_ms=now + 3_600_000)


def test_a_key_of_nobodys_is_refused(signer: CloudFrontSigner) -> None:
    query = signer.sign(TERMS).query
    with pytest.raises(TokenInvalid):
        replace(signer, public_keys={}).verify(request(query), now_ms=NOW)
    with pytest.raises(TokenInvalid):
        replace(signer, public_keys={KEY_ID: RSA.generate(1024)}).verify(request(query), now_ms=NOW)


def test_times_and_paths(signer: CloudFrontSigner) -> None:
    query = signer.sign(replace(TERMS, not_before_ms=NOW)).query
    signer.verify(request(query), now_ms=NOW)
    for now in (NOW - 1, NOW + 60_000):
        with pytest.raises(TokenExpired):
            signer.verify(request(query), now_ms=now)
    for path in (f"{FOLDER}x/y", f"{FOLDER}/../b/c", f"{FOLDER}/%2e%2e/c"):
        with pytest.raises(TokenOutOfScope):
            signer.verify(request(query, path), now_ms=NOW)


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, user="u42"),
        replace(TERMS, scopes=("songs/a/*", "songs/b/*")),
        replace(TERMS, scopes=("songs/*/x",)),
        replace(TERMS, scopes=('songs/"/*',)),
    ],
)
def test_what_a_policy_cannot_say_is_not_signed(signer: CloudFrontSigner, terms: Terms) -> None:
    with pytest.raises(SettingsError):
        signer.sign(terms)


@pytest.mark.parametrize(
    "policy",
    ["[]", "{}", '{"Statement":[]}', '{"Statement":[{"Resource":1,"Condition":{}}]}', "[" * 2000, "\xff",
     '{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":"x"}}}]}',
     '{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":1},"IpAddress":[]}}]}',
     '{"Statement":[{"Resource":"*","Condition":{"DateLessThan":{"AWS:EpochTime":1},"IpAddress":{"AWS:SourceIp":"x"}}}]}'],
)  # fmt: skip
def test_a_signed_policy_that_is_none_is_refused(
    signer: CloudFrontSigner, theirs: Theirs, policy: str
) -> None:
    url = theirs.generate_presigned_url(f"{BASE}/{SEGMENT}", policy=policy)
    with pytest.raises(TokenInvalid):
        signer.verify(request(url), now_ms=0)
