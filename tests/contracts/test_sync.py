"""Presentations between stores of every kind: whole, checked, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from media import layout
from media.ports import ObjectStore, read_all
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.registry import open_store
from media.song import Song
from origin.publish import current, publish
from origin.stores.dry import DryRun
from origin.sync import Step, sync

VERSION = "0123456789abcdef"


def objects(song_id: str, filling: bytes = b"sound") -> dict[str, bytes]:
    """A presentation that is small and true to its own digests."""
    init, segment = b"header of " + filling, filling * 1000
    rendition = Rendition(
        name="low",
        codec="mp4a.40.2",
        bitrate=24_000,
        sample_rate=44_100,
        channels=1,
        priming=1024,
        bandwidth=25_000,
        average_bandwidth=24_000,
        init="audio/low/init.mp4",
        init_size=len(init),
        segments=(Segment("audio/low/00001.m4s", 0, 5000, len(segment)),),
        digest=sha256(init + segment).hexdigest(),
    )
    presentation = Presentation(
        song=Song(song_id, "A Song"),
        version=VERSION,
        samples=5000,
        sample_rate=44_100,
        renditions=(rendition,),
        protection=Protection(),
        loudness=Loudness(None, None, None),
        manifests={"hls": "hls.m3u8"},
        start_rendition="low",
    )
    return {
        rendition.init: init,
        rendition.segments[0].path: segment,
        "hls.m3u8": b"#EXTM3U\n",
        layout.PRESENTATION: presentation.to_json(),
    }


@pytest.fixture
async def source(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    """A folder with three songs."""
    opened = open_store(str(tmp_path / "source"))
    for song_id in ("one", "three", "two"):
        await publish(opened, song_id=song_id, version=VERSION, objects=objects(song_id).items())
    yield opened
    await opened.close()


async def steps(source: ObjectStore, target: ObjectStore, **options: list[str]) -> list[Step]:
    return [step async for step in sync(source, target, **options)]


async def test_songs_arrive_whole_and_only_once(source: ObjectStore, store: ObjectStore) -> None:
    first = await steps(source, store)
    assert [(step.song_id, step.status, step.objects) for step in first] == [
        ("one", "copied", 4),
        ("three", "copied", 4),
        ("two", "copied", 4),
    ]
    for path, body in objects("two").items():
        assert await read_all(store, layout.folder("two", VERSION) + path) == body
    pointer = await current(store, "two")
    assert pointer is not None
    assert pointer.version == VERSION
    assert {step.status for step in await steps(source, store)} == {"unchanged"}


async def test_one_song_and_one_that_is_not_there(source: ObjectStore, store: ObjectStore) -> None:
    found = await steps(source, store, songs=["two", "four"])
    assert [(step.song_id, step.status) for step in found] == [("two", "copied"), ("four", "failed")]
    assert found[1].reason == "four: not published in the source"


async def test_what_was_damaged_stays_where_it_is_and_stops_nobody(
    source: ObjectStore, store: ObjectStore, tmp_path: Path
) -> None:
    folder = tmp_path / "source" / layout.folder("three", VERSION)
    (folder / "audio/low/00001.m4s").write_bytes(b"S" + objects("three")["audio/low/00001.m4s"][1:])
    (tmp_path / "source" / layout.folder("one", VERSION) / "hls.m3u8").unlink()
    found = {step.song_id: step for step in await steps(source, store)}
    assert found["three"].reason.endswith("audio/low: its bytes are not those that were published")
    assert found["one"].reason.endswith("hls.m3u8: it is not there")
    assert found["two"].status == "copied"
    assert await current(store, "three") is None
    assert [info.key async for info in store.list("songs/three/")] == []


async def test_a_dry_run_takes_notes_and_writes_nothing(source: ObjectStore, store: ObjectStore) -> None:
    dry = DryRun(store)
    found = await steps(source, dry, songs=["two"])
    assert [(step.status, step.objects) for step in found] == [("copied", 4)]
    keys = [note.key for note in dry.notes]
    assert keys[-1] == "songs/two/current.json"
    assert keys[-2].endswith(layout.PRESENTATION)
    assert {note.cache_control for note in dry.notes} == {layout.IMMUTABLE, layout.MUTABLE}
    assert [info.key async for info in store.list("songs/")] == []
