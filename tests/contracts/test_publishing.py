"""Publishing over every store: `tests/origin/test_publish.py` has the failures."""

from __future__ import annotations

import asyncio

import pytest

from media.errors import PreconditionFailed
from media.layout import IMMUTABLE, MUTABLE
from media.ports import ObjectStore, read_all
from origin.publish import current, publish

OBJECTS = [
    *((f"audio/normal/{number:05d}.m4s", bytes([number]) * 50_000) for number in range(1, 41)),
    ("audio/normal/hls.m3u8", b"#EXTM3U"),
    ("dash.mpd", b"<MPD/>"),
    ("presentation.json", b"{}"),
]


async def test_published_twice_and_then_replaced(store: ObjectStore) -> None:
    for version in ("1111111111111111", "1111111111111111", "2222222222222222"):
        await publish(store, song_id="abc", version=version, objects=OBJECTS)
        pointer = await current(store, "abc")
        assert pointer is not None
        assert pointer.version == version
    assert len([info async for info in store.list("songs/abc/")]) == 2 * len(OBJECTS) + 1
    for path, body in OBJECTS:
        assert await read_all(store, f"songs/abc/{version}/{path}") == body
    manifest = await store.head(f"songs/abc/{version}/dash.mpd")
    assert (manifest.media_type, manifest.cache_control) == ("application/dash+xml", IMMUTABLE)
    assert (await store.head("songs/abc/current.json")).cache_control == MUTABLE


async def test_two_songs_at_once_and_a_forged_segment(store: ObjectStore) -> None:
    await asyncio.gather(
        *(publish(store, song_id=song, version="1" * 16, objects=OBJECTS) for song in ("abc", "abc-d"))
    )
    before = sorted([info.key async for info in store.list("")])
    forged = [OBJECTS[0], (OBJECTS[1][0], b"other"), *OBJECTS[2:]]
    with pytest.raises(PreconditionFailed, match="other bytes"):
        await publish(store, song_id="abc", version="1" * 16, objects=forged)
    assert sorted([info.key async for info in store.list("")]) == before
