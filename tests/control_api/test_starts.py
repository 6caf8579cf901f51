"""The start bundle: what is in it, what it weighs, and what becomes of it when the store is slow or gone."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urljoin
from uuid import UUID, uuid4

import pytest

from control_api.accounts import REMEMBERED_MS, change
from control_api.app import Api
from control_api.first_bytes import FirstBytes
from control_api.songs import Entry, Opening, entry_of
from control_api.start_choice import ROOM, choose
from drm import aes128
from drm.key_store import KeyStore
from media import start_bundle
from media.errors import StoreUnavailable
from media.ports import ObjectStore
from media.presentation import Rendition, Segment
from origin.publish import publish
from origin.tokens import TokenKeys, verify
from tests.control_api.conftest import presentation

START = "/v1/songs/salt-air/start"
IV = bytes(range(16))
Publish = Callable[..., Awaitable[Any]]


@pytest.fixture
async def kid(publish_song: Publish, key_store: KeyStore) -> UUID:
    made = key_store.for_scope("salt-air").kid
    await publish_song("salt-air", kid=made)
    await publish_song("open-song")
    return made


@pytest.fixture
async def listener(kid: UUID, api: Api, ann: Any) -> Any:
    await api.refresh()
    return ann


async def begin(listener: Any, path: str = START, **options: Any) -> tuple[dict[str, Any], bytes]:
    answer = await listener.call("GET", path, **options)
    assert answer.status == 200, await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "audio/mp4"
    body = await answer.read()
    assert len(body) <= start_bundle.LARGEST
    return start_bundle.read(body)


def rendition(name: str, size: int, *, codec: str = "mp4a.40.2", **values: Any) -> Rendition:
    init, path = f"audio/{name}/init.mp4", f"audio/{name}/00001.m4s"
    segment = Segment(path, 0, 882_000, size - 800)
    return Rendition(name, codec, 96_000, 44_100, 2, 1024, 96_000, 96_000, init, 800, (segment,), **values)


def song(*renditions: Rendition, start: str = "normal") -> Entry:
    made = presentation("choice", "Choice", renditions=renditions)
    object.__setattr__(made, "start_rendition", start)
    return entry_of(made)


async def test_it_is_the_grant_the_licence_and_the_first_bytes(
    listener: Any, kid: UUID, clock: Any, token_keys: TokenKeys
) -> None:
    words, media = await begin(listener)
    assert media == b"headnote"
    grant = await listener.ok("GET", "/v1/songs/salt-air/stream")
    base = words["base_url"]
    token = base.split("/t/")[1].split("/")[0]
    claims = verify(token, base.split(f"{token}/")[1] + "hls.m3u8", keys=token_keys, now_ms=clock())
    assert claims.expires_ms == words["expires_at"] == grant["expires_at"]
    assert claims.user == (await listener.ok("GET", "/v1/me"))["account_id"]
    # The same clock, the same caller: the same token, and so the same addresses.
    assert base == grant["base_url"]
    assert urljoin(base, words["presentation_url"]) == grant["presentation_url"]
    assert urljoin(base, words["license_url"]) == grant["license_url"]
    assert words["rendition"] == grant["renditions"][0]
    assert words["protection"] == {"scheme": "cbcs", "kids": [str(kid)]}
    for name in ("song_id", "version", "samples", "sample_rate"):
        assert words[name] == grant[name]
    asked = json.dumps({"kids": [words["license"]["keys"][0]["kid"]]}).encode()
    answer = await listener.call("POST", grant["license_url"], data=asked)
    assert words["license"] == await answer.json(content_type="application/json")


async def test_a_song_without_protection_has_no_licence(listener: Any) -> None:
    words, media = await begin(listener, "/v1/songs/open-song/start")
    assert (words["license"], words["license_url"], media) == (None, None, b"headnote")
    assert words["protection"] == {"scheme": "none", "kids": []}


async def test_a_segment_of_aes_128_comes_decrypted_and_its_key_with_it(
    store: ObjectStore, key_store: KeyStore, api: Api, ann: Any
) -> None:
    key = key_store.for_scope("whole")
    clear = bytes(range(200))
    body = aes128.encrypt(clear, key=key.key, iv=IV)
    made = presentation(
        "whole", "Whole", kid=key.kid, scheme="aes-128", renditions=(rendition("normal", 800 + len(body), iv=IV.hex()),)
    )  # fmt: skip
    objects = [("audio/normal/init.mp4", bytes(800)), ("audio/normal/00001.m4s", body)]
    await publish(store, song_id="whole", version=made.version, objects=[*objects, ("presentation.json", made.to_json())])  # fmt: skip
    await api.refresh()
    words, media = await begin(ann, "/v1/songs/whole/start")
    assert media == bytes(800) + clear
    [only] = words["license"]["keys"]
    assert urlsafe_b64decode(only["k"] + "==") == key.key


async def test_what_does_not_fit_is_not_even_read(
    store: ObjectStore, stubborn: Any, make_api: Callable[..., Api], start: Any
) -> None:
    """A first segment of lossless sound, say: the words name it, and the player asks for it."""
    api = make_api(store=stubborn)
    stranger = await start(api)
    session = await stranger.ok("POST", "/v1/sessions/guest")
    stranger.headers = {"Authorization": f"Bearer {session['access_token']}"}
    large = rendition("lossless", 40_000, codec="fLaC")
    made = presentation("large", "Large", renditions=(large,))
    object.__setattr__(made, "start_rendition", "lossless")
    objects = [("audio/lossless/init.mp4", bytes(800)), ("audio/lossless/00001.m4s", bytes(39_200))]
    await publish(store, song_id="large", version=made.version, objects=[*objects, ("presentation.json", made.to_json())])  # fmt: skip
    await api.refresh()
    stubborn.reads.clear()
    words, media = await begin(stranger, "/v1/songs/large/start")
    assert (media, stubborn.reads) == (b"", [])
    assert words["rendition"]["first_segment"] == {"path": "audio/lossless/00001.m4s", "offset": 0, "size": 39_200}  # fmt: skip


AAC = [("low", 3_000), ("normal", 9_600), ("high", 15_000), ("very_high", 27_000)]


@pytest.mark.parametrize(
    ("mtp", "rtt", "chosen"),
    [
        (None, 0, "normal"),  # nothing measured: the song's own
        (None, 400, "normal"),  # the way alone says nothing of the width
        (5_000, 50, "normal"),  # 10.8 kB in 17 ms
        (1_000, 50, "normal"),  # in 86 of 100 ms
        (800, 50, "low"),  # 108 ms are too many
        (800, 0, "normal"),  # but not on a short way
        (300, 50, "low"),
        (10, 50, "low"),  # never in time: the least there is
        (1_000_000, 0, "normal"),  # the richer ones do not fit a bundle
        (5_000, 3_000, "normal"),  # late whatever comes: 20 ms are always left
        (1_000, 3_000, "low"),
    ],
)
def test_the_start_rendition_by_the_network(mtp: int | None, rtt: int, chosen: str) -> None:
    entry = song(*(rendition(name, size) for name, size in AAC))
    assert choose(entry, mtp=mtp, rtt=rtt).name == chosen


@pytest.mark.parametrize(
    ("renditions", "start", "mtp", "chosen"),
    [
        ([("low", 3_000), ("normal", ROOM)], "normal", None, "normal"),
        ([("low", 3_000), ("normal", ROOM + 1)], "normal", None, "low"),  # planned for no bundle
        ([("low", 3_000), ("high", 9_000)], "low", None, "low"),  # richer than the song wants unasked
        ([("low", 3_000), ("high", 9_000)], "low", 5_000, "high"),  # a short or quiet song
        ([("normal", ROOM + 1)], "normal", None, "normal"),  # nothing fits
        ([("normal", ROOM + 1)], "normal", 5_000, "normal"),
    ],
)
def test_the_start_rendition_by_what_fits(
    renditions: list[tuple[str, int]], start: str, mtp: int | None, chosen: str
) -> None:
    entry = song(*(rendition(name, size) for name, size in renditions), start=start)
    assert choose(entry, mtp=mtp).name == chosen


def test_a_start_keeps_to_its_family_and_to_what_the_listener_chose() -> None:
    entry = song(rendition("normal", 9_000), rendition("voice", 2_000, codec="opus"), rendition("he", 1_500, codec="mp4a.40.5"))  # fmt: skip
    assert choose(entry, mtp=10).name == "he"
    assert choose(entry, mtp=10, rendition="voice").name == "voice"
    assert choose(entry, mtp=None, rendition="lossless").name == "normal"


async def test_the_network_is_said_in_the_query(listener: Any, publish_song: Publish, api: Api) -> None:
    await publish_song("ladder", renditions=tuple(rendition(name, size) for name, size in AAC))
    await api.refresh()

    async def named(**query: Any) -> str:
        words, _ = await begin(listener, "/v1/songs/ladder/start", params=query)
        return str(words["rendition"]["name"])

    assert await named() == "normal"
    assert await named(mtp=300, rtt=50) == "low"
    assert await named(mtp=300, rendition="very_high") == "very_high"
    for wrong in ({"mtp": 0}, {"mtp": "fast"}, {"rtt": -1}, {"kbps": 300}, {"rendition": "x" * 65}):
        await listener.refused(422, "GET", "/v1/songs/ladder/start", params=wrong)


class Stubborn:
    """A store whose reads do as they are told: wait for a word, fail, or give less than there is."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None
        self.least: int | None = None
        self.reads: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        self.reads.append(key)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        async for chunk in self.store.read(key, start, stop):
            yield chunk[: self.least]


@pytest.fixture
def stubborn(store: ObjectStore) -> Stubborn:
    return Stubborn(store)


@pytest.fixture
async def impatient(stubborn: Stubborn, kid: UUID, make_api: Callable[..., Api], start: Any) -> Any:
    """Somebody at an API that waits for no store."""
    service = make_api(store=stubborn, start_patience_s=0)
    stranger = await start(service)
    session = await stranger.ok("POST", "/v1/sessions/guest")
    stranger.headers = {"Authorization": f"Bearer {session['access_token']}"}
    stubborn.reads.clear()
    return stranger


async def test_a_slow_store_holds_no_grant_and_is_asked_once(impatient: Any, stubborn: Stubborn) -> None:
    stubborn.go.clear()
    for _ in range(3):
        words, media = await begin(impatient)
        assert media == b""
        assert words["rendition"]["init"]["size"] == 4
    assert sorted(path.rpartition("/")[2] for path in stubborn.reads) == ["00001.m4s", "init.mp4"]
    stubborn.go.set()
    while not (await begin(impatient))[1]:
        pass
    assert len(stubborn.reads) == 2


@pytest.mark.parametrize("trouble", [{"error": StoreUnavailable("away")}, {"least": 3}])
async def test_a_store_in_trouble_is_asked_again_the_next_time(
    impatient: Any, stubborn: Stubborn, trouble: dict[str, Any]
) -> None:
    for name, value in trouble.items():
        setattr(stubborn, name, value)
    assert (await begin(impatient))[1] == b""
    while len(stubborn.reads) < 4:
        assert (await begin(impatient))[1] == b""
    stubborn.error = stubborn.least = None
    while not (await begin(impatient))[1]:
        pass


async def test_many_presses_are_one_reading(kid: UUID, stubborn: Stubborn, make_api: Callable[..., Api], start: Any) -> None:  # fmt: skip
    stranger = await start(make_api(store=stubborn, start_patience_s=60))
    session = await stranger.ok("POST", "/v1/sessions/guest")
    stranger.headers = {"Authorization": f"Bearer {session['access_token']}"}
    stubborn.reads.clear()
    found = await asyncio.gather(*(begin(stranger) for _ in range(8)))
    assert {media for _, media in found} == {b"headnote"}
    assert len(stubborn.reads) == 2
    assert (await begin(stranger))[1] == b"headnote"
    assert len(stubborn.reads) == 2


async def test_memory_holds_the_most_recent(store: ObjectStore, stubborn: Stubborn, publish_song: Publish) -> None:  # fmt: skip
    entries = [entry_of(await publish_song(f"song-{number}")) for number in range(3)]
    first_bytes = FirstBytes(stubborn, memory=16)  # type: ignore[arg-type]

    async def read(entry: Entry) -> bool:
        """Whether the store was asked."""
        before = len(stubborn.reads)
        assert await first_bytes.begin(entry, entry.openings[0]) == (b"head", b"note")
        return len(stubborn.reads) > before

    assert [await read(entries[number]) for number in (0, 1, 0, 2, 0, 1, 2)] == [
        True, True, False, True, False, True, True,
    ]  # fmt: skip
    await first_bytes.close()


async def test_who_may_not_stream_may_not_start(listener: Any, stranger: Any, api: Api, clock: Any, sign_up: Any) -> None:  # fmt: skip
    await stranger.refused(401, "GET", START)
    await listener.refused(404, "GET", "/v1/songs/no-such-song/start")
    refused = await listener.refused(400, "GET", START, headers={"Host": "a b"})
    assert refused["type"].endswith("bad-host")
    admin = await sign_up("admin")
    await change(api.database, "admin@example.org", role="admin")
    clock.now += REMEMBERED_MS
    rights = "/v1/songs/salt-air/rights"
    await admin.ok("PUT", rights, json={"tiers": ["premium"]})
    assert (await listener.refused(403, "GET", START))["type"].endswith("not-in-your-tier")
    await admin.ok("PUT", rights, json={"tiers": ["free"], "regions": ["SE"]})
    assert (await listener.refused(403, "GET", START))["type"].endswith("not-in-your-region")


async def test_a_key_that_is_lost_is_said(listener: Any, api: Api, publish_song: Publish) -> None:
    await publish_song("keyless", kid=uuid4())
    await api.refresh()
    assert (await listener.refused(404, "GET", "/v1/songs/keyless/start"))["type"].endswith("key-missing")


async def test_a_new_version_begins_with_its_own_bytes(listener: Any, api: Api, store: ObjectStore) -> None:
    assert (await begin(listener, "/v1/songs/open-song/start"))[1] == b"headnote"
    made = presentation("open-song", "Anew", version="f" * 16)
    objects = [("audio/normal/init.mp4", b"HEAD"), ("audio/normal/00001.m4s", b"NOTE")]
    await publish(store, song_id="open-song", version=made.version, objects=[*objects, ("presentation.json", made.to_json())])  # fmt: skip
    await api.refresh()
    assert (await begin(listener, "/v1/songs/open-song/start"))[1] == b"HEADNOTE"


async def test_the_words_of_the_largest_usual_song_are_within_their_share(
    api: Api, publish_song: Publish, key_store: KeyStore, make_api: Callable[..., Api], start: Any
) -> None:
    """Four renditions with a key each, a long id, a long address: the packager has left enough for them."""
    keys = [key_store.for_scope(f"key {number}").kid for number in range(4)]
    renditions = tuple(
        rendition(name, size, kid=str(kid)) for (name, size), kid in zip(AAC, keys, strict=True)
    )
    long = "a-song-with-a-long-id-of-forty-letters-00"
    await publish_song(long, kid=keys[1], renditions=renditions)
    stranger = await start(make_api(edge_url="https://edge-eu-west-1.music.example.com"))
    session = await stranger.ok("POST", "/v1/sessions/guest")
    stranger.headers = {"Authorization": f"Bearer {session['access_token']}"}
    answer = await stranger.call("GET", f"/v1/songs/{long}/start")
    body = await answer.read()
    assert len(body) - len(start_bundle.read(body)[1]) <= start_bundle.WORDS


async def test_neither_keys_nor_tokens_are_logged(
    listener: Any, kid: UUID, key_store: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        words, _ = await begin(listener)
    secrets = [
        words["base_url"].split("/")[4],
        key_store.get(kid).key.hex(),
        words["license"]["keys"][0]["k"],
    ]
    assert caplog.records
    for record in caplog.records:
        assert not [secret for secret in secrets if secret in f"{record.getMessage()} {vars(record)}"]


def test_openings_are_read_from_the_presentation() -> None:
    entry = song(rendition("normal", 900, iv=IV.hex()))
    assert entry.openings == (
        Opening("normal", "mp4a.40.2", None, "audio/normal/init.mp4", 800, "audio/normal/00001.m4s", 0, 100, IV.hex()),
    )  # fmt: skip
