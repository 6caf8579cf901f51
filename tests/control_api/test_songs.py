"""The catalogue follows the store: what is published appears, what is broken does not, what goes is forgotten."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import update

from control_api.app import Api
from control_api.models import SongRecord
from media import layout
from media.errors import StoreUnavailable
from media.ports import ObjectInfo, ObjectStore
from media.presentation import Presentation

VERSION = "0123456789abcdef"
Publish = Callable[..., Awaitable[Presentation]]


async def put(store: ObjectStore, key: str, body: bytes) -> None:
    await store.put(key, body, media_type="application/json", cache_control="no-cache")


async def listed(listener: Any) -> list[str]:
    return [song["song_id"] for song in (await listener.ok("GET", "/v1/songs"))["items"]]


async def test_a_song_as_a_listener_sees_it(publish_song: Publish, make_api: Any, start: Any) -> None:
    await publish_song(
        "salt-air",
        "Salt Air",
        artists=("Ingrid", "Someone Else"),
        album="Coast",
        album_artist="Ingrid",
        track_number=3,
        date="2026",
        genres=("Ambient",),
        samples=44_100 * 90 + 21,
        lufs=-17.25,
    )
    listener = await start(make_api())
    song = await listener.ok("GET", "/v1/songs/salt-air")
    assert song == {
        "song_id": "salt-air",
        "title": "Salt Air",
        "artists": ["Ingrid", "Someone Else"],
        "album": "Coast",
        "album_artist": "Ingrid",
        "track_number": 3,
        "date": "2026",
        "genres": ["Ambient"],
        "duration_ms": 90_000,
        "loudness_lufs": -17.25,
        "version": VERSION,
        "cover_url": f"/songs/salt-air/{VERSION}/public/cover.jpg",
        "peaks_url": f"/songs/salt-air/{VERSION}/public/peaks.json",
        "preview_url": None,
    }
    assert await listener.ok("GET", "/v1/songs") == {"items": [song], "next_cursor": None}
    found = await listener.ok("GET", "/v1/search", params={"q": "slat air"})
    assert [item["song"] for item in found["items"]] == [song]
    assert 0 < found["items"][0]["score"] <= 1.15
    assert found["took_ms"] > 0
    suggested = await listener.ok("GET", "/v1/autocomplete", params={"q": "s"})
    assert suggested == {
        "items": [
            {"text": "Salt Air", "kind": "title", "song_id": "salt-air"},
            {"text": "Someone Else", "kind": "artist", "song_id": None},
        ]
    }
    assert await listener.ok("GET", "/v1/healthz") == {"status": "ok", "songs": 1}
    await listener.refused(404, "GET", "/v1/songs/other")


async def test_pages_lead_through_all_songs_in_order(
    publish_song: Publish, make_api: Any, start: Any
) -> None:
    order = []
    for artist in ("Ära", "Bo", "Цой", ""):
        for album in ("First", "Second", ""):
            for disc, track in ((1, 1), (1, 2), (2, 1)):
                song_id = f"s{99 - len(order)}"  # not the order of ids
                order.append(song_id)
                await publish_song(
                    song_id,
                    artists=(artist,) if artist else (),
                    album=album,
                    disc_number=disc,
                    track_number=track,
                )
    api = make_api()
    listener = await start(api)
    for limit in (1, 9, 36, 100):
        seen: list[str] = []
        query = {"limit": limit}
        while True:
            page = await listener.ok("GET", "/v1/songs", params=query)
            seen += [song["song_id"] for song in page["items"]]
            assert len(page["items"]) <= limit
            if page["next_cursor"] is None:
                break
            query = {"limit": limit, "cursor": page["next_cursor"]}
        assert seen == order

    # What comes in between moves nothing that was shown or is to be shown.
    page = await listener.ok("GET", "/v1/songs", params={"limit": 10})
    await publish_song("zzz", artists=("Aaron",))
    await api.refresh()
    rest = await listener.ok("GET", "/v1/songs", params={"limit": 100, "cursor": page["next_cursor"]})
    assert [song["song_id"] for song in rest["items"]] == order[10:]


async def test_a_refresh_finds_what_is_new_changed_and_gone(
    publish_song: Publish, store: ObjectStore, stranger: Any, api: Api
) -> None:
    await publish_song("one", "Nocturne")
    await publish_song("two", "Prelude")
    assert await listed(stranger) == []
    await api.refresh()
    assert await listed(stranger) == ["one", "two"]
    before = api.catalogue.entries["two"]

    await publish_song("one", "Mazurka", version="f" * 16)
    await api.refresh()
    assert (await stranger.ok("GET", "/v1/songs/one"))["version"] == "f" * 16
    assert api.catalogue.entries["two"] is before  # not read again
    assert (await stranger.ok("GET", "/v1/search", params={"q": "nocturne"}))["items"] == []
    assert len((await stranger.ok("GET", "/v1/search", params={"q": "mazurka"}))["items"]) == 1

    await store.delete(layout.pointer("one"))
    await api.refresh()
    assert await listed(stranger) == ["two"]
    assert (await stranger.ok("GET", "/v1/search", params={"q": "mazurka"}))["items"] == []
    assert (await stranger.ok("GET", "/v1/autocomplete", params={"q": "m"}))["items"] == []


async def test_the_store_is_followed_without_being_told(
    publish_song: Publish, make_api: Any, start: Any
) -> None:
    api = make_api(interval_s=0.01)
    listener = await start(api)
    await publish_song("one")
    while await listed(listener) != ["one"]:  # pytest's own timeout ends this
        await asyncio.sleep(0)


async def test_broken_songs_are_left_out_and_said_once(
    publish_song: Publish, store: ObjectStore, stranger: Any, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await publish_song("fine")
    await publish_song("bad-pointer")
    await put(store, layout.pointer("bad-pointer"), b'{"version": "../../x"}')
    await put(store, layout.pointer("no-json"), b"{")
    await put(store, layout.pointer("deep"), b"[" * 100_000)
    await publish_song("no-version")
    await store.delete(layout.folder("no-version", VERSION) + layout.PRESENTATION)
    made = await publish_song("someone-else")
    await put(
        store,
        layout.folder("someone-else", VERSION) + layout.PRESENTATION,
        made.to_json().replace(b"someone-else", b"another-one"),
    )
    made_rendition = json.loads(made.to_json())["renditions"][0]
    for name, wrong in {
        "no-time": {"samples": 0},
        "no-rate": {"sample_rate": 0},
        "endless": {"samples": 2**70},
        "leads-out": {"cover": "../../elsewhere"},
        "leads-off": {"manifests": {"hls": "//evil.example/x"}},
        "half-a-sign": {"song": {"title": "\ud800"}},
        "no-track": {"song": {"track_number": -(2**70)}},
        "no-start": {"start_rendition": "elsewhere"},
        "no-segments": {"renditions": [made_rendition | {"segments": []}]},
        "rendition-leads-out": {"renditions": [made_rendition | {"init": "../../../x"}]},
        "no-place": {"renditions": [made_rendition | {"init_size": -1}]},
    }.items():
        document = json.loads((await publish_song(name)).to_json())
        song = document["song"] | wrong.get("song", {})
        body = json.dumps(document | wrong | {"song": song}).encode()
        await put(store, layout.folder(name, VERSION) + layout.PRESENTATION, body)
    await publish_song("half")
    await put(store, layout.folder("half", VERSION) + layout.PRESENTATION, made.to_json()[:200])
    await put(store, "songs/UPPER/current.json", b"{}")
    await put(store, "songs/deeper/in/current.json", b"{}")
    with caplog.at_level(logging.WARNING, "tonearm.api"):
        await api.refresh()
        await api.refresh()
    assert await listed(stranger) == ["fine"]
    said = sorted(
        record.getMessage().split(":")[0] for record in caplog.records if record.name == "tonearm.api"
    )
    assert said == [
        "songs/bad-pointer",
        "songs/deep",
        "songs/endless",
        "songs/half",
        "songs/half-a-sign",
        "songs/leads-off",
        "songs/leads-out",
        "songs/no-json",
        "songs/no-place",
        "songs/no-rate",
        "songs/no-segments",
        "songs/no-start",
        "songs/no-time",
        "songs/no-track",
        "songs/no-version",
        "songs/rendition-leads-out",
        "songs/someone-else",
    ]
    await publish_song("half", version="e" * 16)
    await api.refresh()
    assert await listed(stranger) == ["fine", "half"]


class Away:
    """A store that has gone away, in front of the real one."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def list(self, prefix: str, *, named: str = "") -> Any:
        raise StoreUnavailable("no answer")
        yield ObjectInfo


async def test_a_restart_knows_the_songs_and_a_lost_store_takes_none_away(
    publish_song: Publish, store: ObjectStore, make_api: Any, start: Any
) -> None:
    await publish_song("one", "Nocturne")
    await publish_song("two", "Prelude")
    await start(make_api())
    listener = await start(make_api(store=Away(store)))
    assert await listed(listener) == ["one", "two"]
    assert len((await listener.ok("GET", "/v1/search", params={"q": "nocturn"}))["items"]) == 1


async def test_what_another_version_of_tonearm_kept_is_read_again(
    publish_song: Publish, make_api: Any, start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await publish_song("one")
    await publish_song("two")
    api = make_api()
    await start(api)
    async with api.database.transaction() as session:
        kept = json.loads((await session.get_one(SongRecord, "two")).entry or "")
        del kept["openings"]  # as it was before a presentation could have several keys
        for song_id, entry in (("one", '{"old": true}'), ("two", json.dumps(kept))):
            await session.execute(update(SongRecord).where(SongRecord.song_id == song_id).values(entry=entry))
    with caplog.at_level(logging.WARNING, "tonearm.api"):
        listener = await start(make_api())
    assert len([each for each in caplog.messages if "kept by another version of Tonearm" in each]) == 2
    assert await listed(listener) == ["one", "two"]
    session = await listener.ok("POST", "/v1/sessions/guest")
    bearer = {"Authorization": f"Bearer {session['access_token']}"}
    grant = await listener.ok("GET", "/v1/songs/two/stream", headers=bearer)
    assert [each["name"] for each in grant["renditions"]] == ["normal"]
