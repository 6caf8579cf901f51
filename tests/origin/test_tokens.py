"""Tokens: what was signed opens what it names, and nothing that was changed in any way opens anything."""

from __future__ import annotations

import base64
import os
import random
import string
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import SettingsError, TokenError, TokenExpired, TokenInvalid, TokenOutOfScope
from origin.tokens import TokenKeys, load_token_keys, read, sign, verify

KEYS = TokenKeys({"k1": bytes(range(32)), "old": bytes(range(1, 33))}, active="k1")
SCOPE = "songs/defeat-by-the-river-2026/0123456789abcdef/"
PATH = SCOPE + "audio/normal/00001.m4s"
URL_SAFE = string.ascii_letters + string.digits + "-_"
NOW = 1_790_000_000_000

song_ids = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{2,63}\Z")
versions = st.from_regex(r"\A[0-9a-f]{16}\Z")


def token(**changes: object) -> str:
    return sign(**{"scope": SCOPE, "keys": KEYS, "expires_ms": NOW + 1000} | changes)  # type: ignore[arg-type]


@given(song_ids, versions, st.text(max_size=16), st.integers(NOW + 1, 2**48 - 1), st.integers(0, NOW))
def test_what_was_signed_is_read_back(
    song_id: str, version: str, user: str, expires: int, begins: int
) -> None:
    scope = f"songs/{song_id}/{version}/"
    text = sign(scope, keys=KEYS, expires_ms=expires, user=user, not_before_ms=begins)
    claims = verify(text, scope + "hls.m3u8", keys=KEYS, now_ms=NOW)
    assert (claims.scope, claims.song_id, claims.version) == (scope, song_id, version)
    assert (claims.expires_ms, claims.not_before_ms, claims.user, claims.key_id) == (
        expires,
        begins,
        user,
        "k1",
    )
    assert set(text) <= set(URL_SAFE)


def test_a_usual_token_is_under_eighty_characters() -> None:
    assert len(token(scope="songs/" + "s" * 24 + "/0123456789abcdef/")) == 79


@pytest.mark.parametrize("scope", ["songs/", "songs/abc/", "shared/x/y/z/", "songs/ABC/0123456789abcdef/"])
def test_other_prefixes_are_scopes_too(scope: str) -> None:
    claims = verify(token(scope=scope), scope + "a", keys=KEYS, now_ms=NOW)
    assert (claims.scope, claims.song_id, claims.version) == (scope, "", "")


def test_every_single_character_change_is_refused() -> None:
    original = token(user="u42")
    for at in range(len(original)):
        for letter in URL_SAFE:
            if letter != original[at]:
                with pytest.raises(TokenInvalid):
                    read(original[:at] + letter + original[at + 1 :], keys=KEYS, now_ms=NOW)


@pytest.mark.parametrize("user", ["", "u", "us"])
def test_unused_bits_of_the_last_character_are_not_ignored(user: str) -> None:
    """Three lengths modulo three: two of them end in bits that a base64 decoder drops."""
    original = token(user=user)
    aliases = [
        original[:-1] + letter
        for letter in URL_SAFE
        if letter != original[-1] and _lenient(original[:-1] + letter) == _lenient(original)
    ]
    if len(_lenient(original)) % 3:
        assert aliases
    for alias in aliases:
        with pytest.raises(TokenInvalid, match="canonical"):
            read(alias, keys=KEYS, now_ms=NOW)


def test_thousands_of_random_mutations_are_refused() -> None:
    generator = random.Random(20261123)
    originals = [token(), token(user="u42"), token(not_before_ms=NOW), token(scope="songs/")]
    genuine = set(originals)
    alphabet = URL_SAFE + "=./+%~ \x00é"
    for _ in range(20_000):
        text = generator.choice(originals)
        for _ in range(generator.randint(1, 4)):
            at = generator.randrange(len(text) + 1)
            letters = "".join(generator.choices(alphabet, k=generator.randint(0, 3)))
            text = text[:at] + letters + text[at + generator.randint(0, 3) :]
        if text not in genuine:
            with pytest.raises(TokenInvalid):
                read(text, keys=KEYS, now_ms=NOW)


def test_pieces_of_two_tokens_do_not_make_a_third() -> None:
    one, other = token(), token(scope="songs/other-song/0123456789abcdef/", expires_ms=NOW + 10**9)
    pieces = {one[:at] + other[at:] for at in range(1, len(one))} - {one, other}
    assert len(pieces) > 50
    for piece in pieces:
        with pytest.raises(TokenInvalid):
            read(piece, keys=KEYS, now_ms=NOW)


@settings(max_examples=500)
@given(st.one_of(st.text(max_size=700), st.binary(max_size=120).map(lambda b: _encode(b))))
def test_strangers_texts_are_refused_and_nothing_worse(text: str) -> None:
    with pytest.raises(TokenInvalid):
        read(text, keys=KEYS, now_ms=NOW)


def test_time_is_a_half_open_interval() -> None:
    text = token(not_before_ms=NOW, expires_ms=NOW + 10)
    for now in (NOW, NOW + 9):
        assert read(text, keys=KEYS, now_ms=now).song_id == "defeat-by-the-river-2026"
    for now in (NOW - 1, NOW + 10):
        with pytest.raises(TokenExpired):
            read(text, keys=KEYS, now_ms=now)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/" + PATH,
        SCOPE,
        SCOPE[:-1],
        "songs/defeat-by-the-river-2026/0123456789abcdeff/hls.m3u8",
        "songs/other/0123456789abcdef/hls.m3u8",
        "licence/clearkey",
        SCOPE + "../fedcba9876543210/hls.m3u8",
        SCOPE + "./hls.m3u8",
        SCOPE + "audio//00001.m4s",
        SCOPE + "..",
        SCOPE + "%2e%2e/fedcba9876543210/hls.m3u8",
        SCOPE + "audio%2f00001.m4s",
        SCOPE + "..%5c..%5cx",
        SCOPE + "..\\x",
        SCOPE + "hls.m3u8\x00",
        SCOPE + "hls.m3u8\n",
        SCOPE + "hls.m3u8?x",
        SCOPE + "hls.m3u8#x",
        "x/../" + PATH,
    ],
)
def test_paths_outside_the_scope_or_not_plain_are_refused(path: str) -> None:
    with pytest.raises(TokenOutOfScope):
        verify(token(), path, keys=KEYS, now_ms=NOW)


def test_keys_rotate_and_retire() -> None:
    old = sign(SCOPE, keys=TokenKeys(KEYS.keys, active="old"), expires_ms=NOW + 1000)
    assert verify(old, PATH, keys=KEYS, now_ms=NOW).key_id == "old"
    with pytest.raises(TokenInvalid):
        verify(old, PATH, keys=TokenKeys({"k1": KEYS.keys["k1"]}, active="k1"), now_ms=NOW)
    with pytest.raises(TokenInvalid):
        verify(old, PATH, keys=TokenKeys({"old": bytes(32)}, active="old"), now_ms=NOW)


def test_keys_stay_out_of_messages() -> None:
    assert KEYS.keys["k1"].hex() not in repr(KEYS)
    assert repr(KEYS.keys["k1"]) not in repr(KEYS)
    for error in (TokenInvalid, TokenOutOfScope, TokenExpired):
        assert issubclass(error, TokenError)


@pytest.mark.parametrize(
    "scope", ["", "/", "songs", "/songs/", "songs/../", "songs//x/", "a%2fb/", "s" * 201 + "/"]
)
def test_scopes_that_are_no_folder_are_not_signed(scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        token(scope=scope)


# Written by what signed before there were access lists and addresses: the bytes stay as they are.
@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "AQJrMQGgxFBv6AEjRWeJq83vGGRlZmVhdC1ieS10aGUtcml2ZXItMjAyNqq6tsLRhaVOpwWTApSQD8U"),
        (
            {"user": "u42", "not_before_ms": NOW},
            "BwJrMQGgxFBv6AGgxFBsAAEjRWeJq83vGGRlZmVhdC1ieS10aGUtcml2ZXItMjAyNgN1NDLTLiARttjUyzFzRy-PcAFO",
        ),
        ({"scope": "songs/"}, "AAJrMQGgxFBv6AZzb25ncy-cfON2aqnMVYX9nCIK2cKr"),
    ],
)
def test_tokens_of_before_are_valid_and_the_same_to_the_byte(changes: dict[str, object], text: str) -> None:
    assert token(**changes) == text
    assert verify(text, PATH, keys=KEYS, now_ms=NOW).key_id == "k1"


def test_a_folder_with_its_star_is_that_folder() -> None:
    for scope in (SCOPE + "*", [SCOPE + "*"], [SCOPE]):
        assert token(scope=scope) == token()


LIST = ["songs/a-song/*", "songs/other/*/public/*", "songs/third/current.json"]


@pytest.mark.parametrize(
    "path",
    [
        "songs/a-song/current.json",
        "songs/a-song/0123456789abcdef/audio/low/init.mp4",
        "songs/other/0123456789abcdef/public/cover.jpg",
        "songs/third/current.json",
    ],
)
def test_an_access_list_opens_what_it_names(path: str) -> None:
    claims = verify(token(scope=LIST), path, keys=KEYS, now_ms=NOW)
    assert (claims.scopes, claims.scope, claims.song_id) == (tuple(LIST), "", "")


@pytest.mark.parametrize(
    "path",
    [
        "songs/a-song",
        "songs/a-song/",
        "songs/a-songs/x",
        "songs/other/0123456789abcdef/hls.m3u8",
        "songs/other/a/b/public/cover.jpg",
        "songs/other/0123456789abcdef/public",
        "songs/third/current.jsonx",
        "songs/third/x/current.json",
        "songs/a-song/../third/x",
        "songs/a-song/%2e%2e/x",
        "songs/*/x",
    ],
)
def test_an_access_list_opens_nothing_else(path: str) -> None:
    with pytest.raises(TokenOutOfScope):
        verify(token(scope=LIST), path, keys=KEYS, now_ms=NOW)


@pytest.mark.parametrize(
    "scope",
    [[], ["*"], ["songs/a*"], ["songs/**"], ["songs/a", "songs//b"], ["songs/a/*"] * 256, ["s" * 200] * 9],
)
def test_access_lists_that_are_none_are_not_signed(scope: list[str]) -> None:
    with pytest.raises(ValueError, match="token"):
        token(scope=scope)


@pytest.mark.parametrize(
    ("bound", "client"),
    [("192.0.2.7", "192.0.2.7"), ("192.0.2.7", "::ffff:192.0.2.7"), ("2001:db8::7", "2001:0db8:0::7")],
)
def test_a_bound_token_opens_for_its_address(bound: str, client: str) -> None:
    text = token(client=bound, user="u42")
    claims = verify(text, PATH, keys=KEYS, now_ms=NOW, client=client)
    assert (claims.client, claims.user, claims.song_id) == (bound, "u42", "defeat-by-the-river-2026")
    for other in ("", "192.0.2.8", "2001:db8::8", "nonsense"):
        with pytest.raises(TokenOutOfScope, match="another address"):
            verify(text, PATH, keys=KEYS, now_ms=NOW, client=other)


def test_an_address_that_is_none_is_not_signed() -> None:
    with pytest.raises(SettingsError, match="no IP address"):
        token(client="192.0.2")


def test_users_are_short() -> None:
    with pytest.raises(ValueError, match="user"):
        token(user="é" * 33)


def test_the_key_file_is_created_once_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = load_token_keys(home, None)
    assert (home / "token.key").stat().st_mode & 0o777 == 0o600
    assert load_token_keys(home, None) == first
    assert os.listdir(home) == ["token.key"]


def test_two_first_uses_at_once_agree(tmp_path: Path) -> None:
    found: list[TokenKeys] = []
    barrier = threading.Barrier(8)

    def first_use() -> None:
        barrier.wait()
        found.append(load_token_keys(tmp_path, None))

    threads = [threading.Thread(target=first_use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(keys == found[0] for keys in found)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    load_token_keys(tmp_path, None)
    (tmp_path / "token.key").chmod(0o640)
    with pytest.raises(SettingsError, match="0640"):
        load_token_keys(tmp_path, None)


def test_keys_from_the_environment_come_first(tmp_path: Path) -> None:
    keys = load_token_keys(tmp_path, f"new:{'ab' * 32},old:{'cd' * 32}")
    assert keys.active == "new"
    assert keys.keys["old"] == b"\xcd" * 32
    assert not (tmp_path / "token.key").exists()


@pytest.mark.parametrize(
    "text", [",", "k1", "k1:zz", "k1:" + "ab" * 31, "k1:{0},k1:{0}".format("ab" * 32), "k 1:" + "ab" * 32]
)
def test_broken_keys_are_refused_without_quoting_them(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_token_keys(tmp_path, text)
    assert "abab" not in str(refusal.value)


def _lenient(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
