"""Stream grants, rights, and the keys behind a token."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from control_api.accounts import REMEMBERED_MS, change
from control_api.app import Api
from drm.key_store import KeyStore
from media.errors import SettingsError
from media.presentation import Rendition, Segment
from origin.tokens import TokenKeys, sign, verify

VERSION = "0123456789abcdef"
Publish = Callable[..., Awaitable[Any]]


@pytest.fixture
async def kid(publish_song: Publish, key_store: KeyStore, api: Api) -> UUID:
    """A protected song, an unprotected one, and another protected one; the KID of the first."""
    made = key_store.for_scope("salt-air").kid
    await publish_song("salt-air", kid=made)
    await publish_song("open-song")
    await publish_song("other-song", kid=key_store.for_scope("other-song").kid)
    return made


@pytest.fixture
async def listener(kid: UUID, api: Api, ann: Any) -> Any:
    await api.refresh()
    return ann


def kids(*kid: UUID) -> bytes:
    names = [urlsafe_b64encode(each.bytes).rstrip(b"=").decode() for each in kid]
    return json.dumps({"kids": names, "type": "temporary"}).encode()


async def test_a_grant_says_all_that_a_player_needs(
    listener: Any, kid: UUID, clock: Any, token_keys: TokenKeys
) -> None:
    response = await listener.call("GET", "/v1/songs/salt-air/stream")
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    grant = await response.json()
    root, token, rest = (
        grant["base_url"].partition("/t/")[0],
        *grant["base_url"].split("/t/")[1].split("/", 1),
    )
    assert root == str(listener.client.make_url("")).rstrip("/")
    assert rest == f"songs/salt-air/{VERSION}/"
    base = f"{root}/t/{token}/{rest}"
    assert grant == {
        "song_id": "salt-air",
        "version": VERSION,
        "expires_at": clock() + 20 * 60_000,
        "base_url": base,
        "manifests": {"hls": base + "hls.m3u8", "dash": base + "dash.mpd"},
        "start_playlists": {"hls": base + "audio/normal/hls.m3u8"},
        "presentation_url": base + "presentation.json",
        "license_url": f"{root}/t/{token}/licence/clearkey",
        "protection": {"scheme": "cbcs", "kid": str(kid), "kids": [str(kid)]},
        "start_rendition": "normal",
        "renditions": [
            {
                "name": "normal",
                "codec": "mp4a.40.2",
                "kid": str(kid),
                "init": {"path": "audio/normal/init.mp4", "offset": 0, "size": 4},
                "first_segment": {"path": "audio/normal/00001.m4s", "offset": 0, "size": 4},
            }
        ],
        "samples": 882_000,
        "sample_rate": 44_100,
    }
    claims = verify(token, rest + "audio/normal/00001.m4s", keys=token_keys, now_ms=clock())
    assert claims.expires_ms == grant["expires_at"]
    assert claims.user == (await listener.ok("GET", "/v1/me"))["account_id"]


async def test_a_song_without_protection_has_no_licence(listener: Any) -> None:
    grant = await listener.ok("GET", "/v1/songs/open-song/stream")
    assert grant["license_url"] is None
    assert grant["protection"] == {"scheme": "none", "kid": None, "kids": []}
    assert [each["kid"] for each in grant["renditions"]] == [None]


def one_file(name: str, codec: str, *, kid: UUID | None = None) -> Rendition:
    """Twenty seconds in two ranges of one file, behind 800 bytes of header and 100 of index."""
    path = f"audio/{name}/track.mp4"
    segments = (Segment(path, 0, 441_000, 7000, 900), Segment(path, 441_000, 441_000, 8000, 7900))
    return Rendition(
        name,
        codec,
        96_000,
        44_100,
        2,
        0,
        96_000,
        96_000,
        path,
        800,
        segments,
        kid="" if kid is None else str(kid),
        index_size=100,
    )


async def test_a_key_for_each_rendition_and_all_of_them_for_one_token(
    publish_song: Publish, key_store: KeyStore, make_api: Callable[..., Api], start: Any
) -> None:
    shared, own, foreign = (key_store.for_scope(scope) for scope in ("shared", "own", "foreign"))
    renditions = (one_file("normal", "mp4a.40.2"), one_file("lossless", "fLaC", kid=own.kid))
    await publish_song("shapes", kid=shared.kid, renditions=renditions)
    await publish_song("other", kid=foreign.kid)
    for _ in range(2):  # as the store says, then as the records do
        stranger = await start(make_api())
        session = await stranger.ok("POST", "/v1/sessions/guest")
        bearer = {"Authorization": f"Bearer {session['access_token']}"}
        grant = await stranger.ok("GET", "/v1/songs/shapes/stream", headers=bearer)
        assert grant["protection"] == {
            "scheme": "cbcs",
            "kid": str(shared.kid),
            "kids": [str(shared.kid), str(own.kid)],
        }
        assert grant["renditions"][1] == {
            "name": "lossless",
            "codec": "fLaC",
            "kid": str(own.kid),
            "init": {"path": "audio/lossless/track.mp4", "offset": 0, "size": 800},
            "first_segment": {"path": "audio/lossless/track.mp4", "offset": 900, "size": 7000},
        }
        url = grant["license_url"]
        answer = await stranger.call("POST", url, data=kids(own.kid, shared.kid))
        licence = await answer.json(content_type="application/json")
        opened = {urlsafe_b64decode(each["k"] + "==") for each in licence["keys"]}
        assert opened == {shared.key, own.key}
        for key in (shared, own):
            answer = await stranger.call("GET", url.replace("licence/clearkey", f"keys/{key.kid}"))
            assert await answer.read() == key.key
        await stranger.refused(404, "POST", url, data=kids(own.kid, foreign.kid))
        await stranger.refused(404, "GET", url.replace("licence/clearkey", f"keys/{foreign.kid}"))


async def test_grants_name_the_edge_and_last_as_long_as_set(
    kid: UUID, make_api: Callable[..., Api], start: Any
) -> None:
    stranger = await start(make_api(edge_url="https://edge.example/music/", grant_s=900))
    session = await stranger.ok("POST", "/v1/sessions/guest")
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    grant = await stranger.ok("GET", "/v1/songs/salt-air/stream", headers=bearer)
    assert grant["base_url"].startswith("https://edge.example/music/t/")
    assert grant["expires_at"] == 1_800_000_000_000 + 900_000


@pytest.mark.parametrize("host", ["", "a b", "a:99999", "a:b", "a/b", 'a"b', "a\\b", "%00", "[::1]]", "a,b"])
async def test_a_host_header_that_is_no_host_is_refused_and_gets_into_no_address(
    listener: Any, host: str
) -> None:
    refused = await listener.refused(400, "GET", "/v1/songs/salt-air/stream", headers={"Host": host})
    assert refused["type"].endswith("bad-host")


@pytest.mark.parametrize("host", ["music.example", "music.example:8080", "[::1]:8080", "localhost"])
async def test_a_grant_is_for_the_host_that_was_asked(listener: Any, host: str) -> None:
    told = {"Host": host, "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    grant = await listener.ok("GET", "/v1/songs/salt-air/stream", headers=told)
    assert grant["base_url"].startswith(f"http://{host}/t/")
    assert "evil" not in str(grant)


@pytest.mark.parametrize(
    ("said", "scheme"), [("https", "https"), ("http", "http"), ("gopher", "http"), ("https://evil/", "http")]
)
async def test_an_edge_in_front_says_that_it_speaks_tls(listener: Any, said: str, scheme: str) -> None:
    told = {"Host": "music.example", "X-Forwarded-Proto": said}
    grant = await listener.ok("GET", "/v1/songs/salt-air/stream", headers=told)
    assert grant["base_url"].startswith(f"{scheme}://music.example/t/")


@pytest.mark.parametrize("wrong", [{"grant_s": 899}, {"grant_s": 1801}, {"edge_url": "edge.example"}])
async def test_settings_that_make_no_sense(make_api: Callable[..., Api], wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        make_api(**wrong)


async def test_no_grant_without_session_or_song(listener: Any, stranger: Any) -> None:
    await stranger.refused(401, "GET", "/v1/songs/salt-air/stream")
    await listener.refused(404, "GET", "/v1/songs/no-such-song/stream")


async def test_rights_by_tier_and_region(listener: Any, bob: Any, sign_up: Any, api: Api, clock: Any) -> None:
    """Ann is in NO, Bob in SE, Cy nowhere that we know of; all are of the free tier at first."""
    cy, admin = await sign_up("cy"), await sign_up("admin")
    await change(api.database, "admin@example.org", role="admin")
    clock.now += REMEMBERED_MS
    rights, stream = "/v1/songs/salt-air/rights", "/v1/songs/salt-air/stream"

    async def may() -> list[bool]:
        return [(await each.call("GET", stream)).status == 200 for each in (listener, bob, cy)]

    assert await may() == [True, True, True]
    told = await admin.ok("PUT", rights, json={"tiers": ["premium", "free", "free"], "regions": ["SE", "DK"]})
    assert told == {"song_id": "salt-air", "tiers": ["free", "premium"], "regions": ["DK", "SE"]}
    assert await may() == [False, True, False]
    assert (await listener.refused(403, "GET", stream))["type"].endswith("not-in-your-region")
    await admin.ok("PUT", rights, json={"tiers": ["premium"]})
    assert await may() == [False, False, False]
    assert (await listener.refused(403, "GET", stream))["type"].endswith("not-in-your-tier")
    await change(api.database, " Ann@example.org", tier="premium")
    clock.now += REMEMBERED_MS
    assert await may() == [True, False, False]  # with the session she had
    await admin.ok("PUT", rights, json={"tiers": ["free", "premium"], "regions": []})
    assert await may() == [False, False, False]
    await admin.ok("PUT", rights, json={"tiers": ["free", "premium"], "regions": None})
    assert await may() == [True, True, True]
    assert (await listener.call("GET", "/v1/songs/open-song/stream")).status == 200

    for body in (
        {"tiers": ["gold"]},
        {"tiers": []} | {"regions": ["xx"]},
        {"regions": ["NO"]},
        {"tiers": "free"},
    ):
        await admin.refused(422, "PUT", rights, json=body)
    await admin.refused(404, "PUT", "/v1/songs/no-such-song/rights", json={"tiers": []})


async def test_rights_outlive_the_process(
    listener: Any, api: Api, make_api: Callable[..., Api], start: Any, clock: Any
) -> None:
    await change(api.database, "ann@example.org", role="admin")
    clock.now += REMEMBERED_MS
    other = make_api()
    elsewhere = await start(other)  # another process on the same records, which learns of it by and by
    stream, ann = "/v1/songs/salt-air/stream", {"headers": listener.headers}
    await elsewhere.ok("GET", stream, **ann)
    await listener.ok("PUT", "/v1/songs/salt-air/rights", json={"tiers": ["premium"]})
    await listener.refused(403, "GET", stream)
    await other.refresh()
    await elsewhere.refused(403, "GET", stream, **ann)
    await (await start(make_api())).refused(403, "GET", stream, **ann)


async def test_only_an_admin_sets_rights(listener: Any, stranger: Any) -> None:
    everybody = {"tiers": ["free", "premium"]}
    await stranger.refused(401, "PUT", "/v1/songs/salt-air/rights", json=everybody)
    await listener.refused(403, "PUT", "/v1/songs/salt-air/rights", json=everybody)


async def test_a_licence_and_a_raw_key(listener: Any, stranger: Any, kid: UUID, key_store: KeyStore) -> None:
    """The token alone opens them: a player's licence request has no session."""
    grant = await listener.ok("GET", "/v1/songs/salt-air/stream")
    key = key_store.get(kid).key
    response = await stranger.call("POST", grant["license_url"], data=kids(kid))
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    licence = await response.json(content_type="application/json")
    (only,) = licence["keys"]
    assert urlsafe_b64decode(only["k"] + "==") == key
    assert urlsafe_b64decode(only["kid"] + "==") == kid.bytes

    response = await stranger.call("GET", grant["license_url"].replace("licence/clearkey", f"keys/{kid}"))
    assert response.status == 200
    assert response.headers["Cache-Control"] == "no-store"
    assert await response.read() == key


async def test_a_token_opens_no_other_key(
    listener: Any, stranger: Any, kid: UUID, key_store: KeyStore, token_keys: TokenKeys, clock: Any
) -> None:
    other = key_store.for_scope("other-song").kid
    stray = key_store.for_scope("of no song").kid
    soon = clock() + 1000

    async def ask(token: str, *wanted: UUID) -> list[int]:
        licence = await stranger.call("POST", f"/t/{token}/licence/clearkey", data=kids(*wanted))
        keys = [(await stranger.call("GET", f"/t/{token}/keys/{each}")).status for each in wanted]
        return [licence.status, *keys]

    def token(scope: str, **options: Any) -> str:
        return sign(scope, keys=token_keys, **({"expires_ms": soon} | options))

    mine = token(f"songs/salt-air/{VERSION}/")
    assert await ask(mine, kid) == [200, 200]
    assert await ask(mine, other) == [404, 404]
    assert await ask(mine, kid, other) == [404, 200, 404]  # no half licence
    assert await ask(mine, stray) == [404, 404]
    assert await ask(mine, uuid4()) == [404, 404]
    assert await ask(token(f"songs/open-song/{VERSION}/"), kid) == [404, 404]
    assert await ask(token(f"songs/no-such-song/{VERSION}/"), kid) == [404, 404]
    assert await ask(token(f"songs/salt-air/{'f' * 16}/"), kid) == [404, 404]  # never published
    assert await ask(token("songs/"), kid) == [404, 404]
    assert await ask(mine[:-1] + ("A" if mine[-1] != "A" else "B"), kid) == [403, 403]
    assert await ask("x", kid) == [403, 403]
    assert await ask(token(f"songs/salt-air/{VERSION}/", expires_ms=clock()), kid) == [403, 403]
    foreign = TokenKeys({"k1": b"x" * 32}, active="k1")
    assert await ask(sign(f"songs/salt-air/{VERSION}/", keys=foreign, expires_ms=soon), kid) == [403, 403]
    clock.now += 1000
    assert await ask(mine, kid) == [403, 403]


async def test_a_listener_of_the_version_before_plays_on(
    listener: Any, kid: UUID, api: Api, publish_song: Publish, key_store: KeyStore
) -> None:
    old = await listener.ok("GET", "/v1/songs/salt-air/stream")
    newer = key_store.for_scope("salt-air.2").kid
    await publish_song("salt-air", version="f" * 16, kid=newer)
    await api.refresh()
    new = await listener.ok("GET", "/v1/songs/salt-air/stream")
    for grant, good, bad in ((old, kid, newer), (new, newer, kid)):
        assert (await listener.call("POST", grant["license_url"], data=kids(good))).status == 200
        await listener.refused(404, "POST", grant["license_url"], data=kids(bad))


async def test_licence_requests_that_are_none(listener: Any, kid: UUID) -> None:
    url = (await listener.ok("GET", "/v1/songs/salt-air/stream"))["license_url"]
    for body in (b"", b"{}", b"[" * 8000, b'{"kids": []}', b'{"kids": ["x"]}', b'{"kids": 1}', b"\xff"):
        await listener.refused(422, "POST", url, data=body)
    await listener.refused(413, "POST", url, data=b" " * 20_000)
    for name in ("x", str(kid) + "0", "..%2f" + str(kid), "%00"):
        assert (await listener.call("GET", url.replace("licence/clearkey", f"keys/{name}"))).status == 404


async def test_a_key_that_is_lost_is_said_without_a_word_of_it(
    listener: Any, api: Api, publish_song: Publish
) -> None:
    gone = uuid4()
    await publish_song("keyless", kid=gone)
    await api.refresh()
    grant = await listener.ok("GET", "/v1/songs/keyless/stream")
    problem = await listener.refused(404, "POST", grant["license_url"], data=kids(gone))
    assert problem["type"].endswith("key-missing")


async def test_neither_keys_nor_tokens_are_logged(
    listener: Any, kid: UUID, key_store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        grant = await listener.ok("GET", "/v1/songs/salt-air/stream")
        await listener.call("POST", grant["license_url"], data=kids(kid))
        await listener.call("POST", grant["license_url"], data=b"{}")
        await listener.call("GET", grant["license_url"].replace("licence/clearkey", f"keys/{kid}"))
        await listener.call("GET", grant["license_url"].replace("licence/clearkey", f"keys/{uuid4()}"))
    token = grant["license_url"].split("/")[4]
    key = key_store.get(kid).key
    secrets = [token, key.hex(), urlsafe_b64encode(key).decode().rstrip("="), repr(key)[2:-1]]
    assert caplog.records
    for record in caplog.records:
        written = f"{record.getMessage()} {vars(record)}"
        assert not [secret for secret in secrets if secret in written], record.name
