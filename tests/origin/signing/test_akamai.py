"""EdgeAuth 2.0, held against Akamai's own library."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from itertools import product

import akamai.edgeauth as akamai
import pytest

from media.errors import SettingsError, TokenExpired, TokenInvalid, TokenOutOfScope
from media.ports import SignedRequest, Terms
from origin.signing.akamai import AkamaiSigner

NOW = 1_790_000_000_000
FOLDER = "songs/a-song/0123456789abcdef"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"
KEY = bytes(range(32))
SIGNER = AkamaiSigner([KEY])
TERMS = Terms((f"{FOLDER}/*",), NOW + 60_000)


def request(query: str, path: str = SEGMENT, client: str = "") -> SignedRequest:
    return SignedRequest(path, query, client=client)


def theirs(**options: object) -> akamai.EdgeAuth:
    return akamai.EdgeAuth(key=KEY.hex(), **options)


@pytest.mark.parametrize(
    ("ip", "start", "user", "salt", "escape", "scopes"),
    list(
        product(
            ("", "192.0.2.7", "2001:db8::7"),
            (0, NOW - 1000),
            ("", "u@42"),
            ("", "pepper"),
            (False, True),
            (("songs/a/*",), ("songs/a/*", "songs/b/x.json"), ("songs/a/x.json",)),
        )
    ),
)
def test_our_tokens_are_those_of_akamais_library_to_the_letter(
    ip: str, start: int, user: str, salt: str, escape: bool, scopes: tuple[str, ...]
) -> None:
    signer = AkamaiSigner([KEY], salt=salt, escape=escape)
    terms = Terms(scopes, NOW + 60_000, start, user, ip)
    their = theirs(
        ip=ip or None,
        start_time=start // 1000 or None,
        end_time=(NOW + 60_000) // 1000,
        payload=user or None,
        salt=salt or None,
        escape_early=escape,
    )
    if len(scopes) == 1 and "*" not in scopes[0]:
        token = their.generate_url_token(f"/{scopes[0]}")
    else:
        token = their.generate_acl_token([f"/{scope}" for scope in scopes])
    assert signer.sign(terms).query == f"hdnts={token}"
    assert signer.sign(terms).cookies == {"hdnts": token}
    path = scopes[-1].replace("*", "v/hls.m3u8")
    assert signer.verify(request(f"hdnts={token}", path, ip), now_ms=NOW) == terms


def test_what_only_their_library_can_write_is_read() -> None:
    token = theirs(session_id="s1", end_time=NOW // 1000 + 9).generate_acl_token("/songs/*")
    assert SIGNER.verify(request(f"hdnts={token}"), now_ms=NOW).user == "s1"


def test_other_hashes_than_sha256_are_refused() -> None:
    for algorithm in ("sha1", "md5"):
        token = theirs(algorithm=algorithm, end_time=NOW // 1000 + 9).generate_acl_token("/songs/*")
        with pytest.raises(TokenInvalid):
            SIGNER.verify(request(f"hdnts={token}"), now_ms=NOW)


def test_keys_overlap_and_retire() -> None:
    query = SIGNER.sign(TERMS).query
    assert replace(SIGNER, keys=[b"n" * 32, KEY]).verify(request(query), now_ms=NOW) == TERMS
    with pytest.raises(TokenInvalid):
        replace(SIGNER, keys=[b"n" * 32]).verify(request(query), now_ms=NOW)


def test_a_percent_encoded_token_is_the_same_token() -> None:
    query = SIGNER.sign(TERMS).query.replace("~", "%7E").replace("*", "%2A").replace("=/", "=%2F")
    assert SIGNER.verify(request(query), now_ms=NOW) == TERMS


def test_a_cookie_does_as_well_and_other_parameters_are_not_carried_on() -> None:
    signed = SIGNER.sign(TERMS)
    asked = SignedRequest(SEGMENT, "CMCD=bl%3D1", signed.cookies)
    assert SIGNER.knows(asked)
    assert SIGNER.verify(asked, now_ms=NOW) == TERMS
    assert SIGNER.carried(asked) == ""
    assert SIGNER.carried(request(f"CMCD=bl%3D1&{signed.query}&x=1")) == signed.query


def test_time_is_a_half_open_interval() -> None:
    query = SIGNER.sign(replace(TERMS, not_before_ms=NOW, expires_ms=NOW + 1000)).query
    SIGNER.verify(request(query), now_ms=NOW)
    SIGNER.verify(request(query), now_ms=NOW + 999)
    for now in (NOW - 1, NOW + 1000):
        with pytest.raises(TokenExpired):
            SIGNER.verify(request(query), now_ms=now)


@pytest.mark.parametrize(
    "path",
    [
        "songs/a-song/0123456789abcde/x",
        f"{FOLDER}/../../b/x",
        f"{FOLDER}/%2e%2e/x",
        f"{FOLDER}//x",
        "",
        FOLDER,
    ],
)
def test_other_paths_are_out_of_scope(path: str) -> None:
    with pytest.raises(TokenOutOfScope):
        SIGNER.verify(request(SIGNER.sign(TERMS).query, path), now_ms=NOW)


@pytest.mark.parametrize("client", ["192.0.2.8", "", "nonsense"])
def test_another_address_is_out_of_scope(client: str) -> None:
    query = SIGNER.sign(replace(TERMS, client="192.0.2.7")).query
    SIGNER.verify(request(query, client="::ffff:192.0.2.7"), now_ms=NOW)
    with pytest.raises(TokenOutOfScope):
        SIGNER.verify(request(query, client=client), now_ms=NOW)


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, user="u~acl=/*"),
        replace(TERMS, user="ü"),
        replace(TERMS, scopes=("songs/*/x",)),
        replace(TERMS, scopes=("songs/a!/*",)),
        replace(TERMS, scopes=("songs/a~exp=9/*",)),
        replace(TERMS, scopes=()),
        replace(TERMS, client="here"),
    ],
)
def test_what_a_token_cannot_say_is_not_signed(terms: Terms) -> None:
    with pytest.raises(SettingsError):
        SIGNER.sign(terms)


@pytest.mark.parametrize(
    "text",
    [
        "acl=/*",
        "exp=0~acl=/*",
        "exp=1e9~acl=/*",
        "exp=1790000060~exp=1999999999~acl=/*",
        "exp=1790000060~acl=/*~scope=1",
        "exp=1790000060~st=~acl=/*",
    ],
)
def test_a_genuine_signature_under_nonsense_is_refused(text: str) -> None:
    mac = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
    with pytest.raises(TokenInvalid):
        SIGNER.verify(request(f"hdnts={text}~hmac={mac}"), now_ms=NOW)


def test_the_parameter_twice_is_refused() -> None:
    query = SIGNER.sign(TERMS).query
    with pytest.raises(TokenInvalid, match="twice"):
        SIGNER.verify(request(f"{query}&{query}"), now_ms=NOW)
