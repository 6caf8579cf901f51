"""Publishing to a folder: a version appears there in one step, and what `test_publish` asks for holds as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from media.errors import PreconditionFailed, StoreError, StoreUnavailable
from media.ports import ObjectInfo, read_all
from origin.publish import Pointer, current, publish
from origin.stores.file import FileStore

V1, V2 = "1111111111111111", "2222222222222222"
PREFIX = f"songs/abc/{V1}/"
OBJECTS = [
    ("audio/low/init.mp4", b"init"),
    ("audio/low/00001.m4s", b"segment"),
    ("hls.m3u8", b"#EXTM3U"),
    ("presentation.json", b"{}"),
]


class Told(FileStore):
    """A folder that tells of single writes."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.puts: list[str] = []

    async def put(self, key: str, body: bytes, **rest: Any) -> ObjectInfo:
        self.puts.append(key)
        return await super().put(key, body, **rest)


async def everything(store: FileStore) -> dict[str, bytes]:
    return {info.key: await read_all(store, info.key) async for info in store.list("")}


async def test_no_object_of_the_version_is_written_by_itself(tmp_path: Path) -> None:
    store = Told(tmp_path)
    await publish(store, song_id="abc", version=V1, objects=OBJECTS)
    assert not [key for key in store.puts if key.startswith(PREFIX)]
    assert store.puts[-1] == "songs/abc/current.json"
    found = await everything(store)
    assert {key: body for key, body in found.items() if key.startswith(PREFIX)} == {
        PREFIX + path: body for path, body in OBJECTS
    }
    assert len(found) == len(OBJECTS) + 1


async def test_a_version_that_was_left_half_done_is_completed(tmp_path: Path) -> None:
    store = Told(tmp_path)
    await store.put(f"{PREFIX}hls.m3u8", b"#EXTM3U", media_type="x/y", cache_control="no-cache")
    await publish(store, song_id="abc", version=V1, objects=OBJECTS)
    assert len(await everything(store)) == len(OBJECTS) + 1


async def test_other_bytes_under_an_immutable_name(tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    await publish(store, song_id="abc", version=V1, objects=OBJECTS)
    before = await everything(store)
    with pytest.raises(PreconditionFailed, match=r"hls\.m3u8: there already, with other bytes"):
        await publish(
            store, song_id="abc", version=V1, objects=[*OBJECTS[:2], ("hls.m3u8", b"x"), OBJECTS[3]]
        )
    assert await everything(store) == before


async def test_a_pointer_that_cannot_move_takes_the_version_back(tmp_path: Path) -> None:
    class Full(Told):
        async def put(self, key: str, body: bytes, **rest: Any) -> ObjectInfo:
            if key.endswith("current.json"):
                raise StoreUnavailable("the disk is full")
            return await super().put(key, body, **rest)

    with pytest.raises(StoreUnavailable, match="disk is full"):
        await publish(Full(tmp_path), song_id="abc", version=V1, objects=OBJECTS)
    assert await everything(FileStore(tmp_path)) == {}


async def test_another_version_published_meanwhile_wins(tmp_path: Path) -> None:
    class Overtaken(FileStore):
        async def create_folder(self, prefix: str, bodies: Mapping[str, bytes]) -> bool:
            created = await super().create_folder(prefix, bodies)
            theirs = Pointer("abc", V2, 5).to_json()
            await self.put("songs/abc/current.json", theirs, media_type="x/y", cache_control="no-cache")
            return created

    store = Overtaken(tmp_path)
    with pytest.raises(PreconditionFailed, match="another version"):
        await publish(store, song_id="abc", version=V1, objects=OBJECTS)
    assert list(await everything(store)) == ["songs/abc/current.json"]


async def test_what_was_made_in_one_step_is_not_read_again(tmp_path: Path) -> None:
    """Nobody else can have taken it back: whoever relies on it has the claim, and then it is looked at again."""

    class Unlistable(FileStore):
        def list(self, prefix: str, *, named: str = "") -> AsyncIterator[ObjectInfo]:
            raise AssertionError("it was listed")

    await publish(Unlistable(tmp_path), song_id="abc", version=V1, objects=OBJECTS)
    assert (await everything(FileStore(tmp_path))).keys() >= {f"songs/abc/{V1}/{path}" for path, _ in OBJECTS}


async def test_a_folder_that_cancelling_cannot_stop_is_taken_back(tmp_path: Path) -> None:
    reached, released = asyncio.Event(), asyncio.Event()

    class Slow(FileStore):
        async def create_folder(self, prefix: str, bodies: Mapping[str, bytes]) -> bool:
            reached.set()
            await released.wait()
            return await super().create_folder(prefix, bodies)

    store = Slow(tmp_path)
    publishing = asyncio.create_task(publish(store, song_id="abc", version=V1, objects=OBJECTS))
    await reached.wait()
    publishing.cancel()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert await everything(store) == {}
    assert await current(store, "abc") is None


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        (OBJECTS[:3], r"nothing to publish without presentation\.json"),
        ([*OBJECTS, OBJECTS[0]], r"init\.mp4: given twice"),
        ([("audio", b"x"), *OBJECTS], f"{PREFIX}audio"),
    ],
)
async def test_what_cannot_be_a_version_is_said_and_leaves_no_trace(
    tmp_path: Path, objects: list[tuple[str, bytes]], said: str
) -> None:
    with pytest.raises(StoreError, match=said):
        await publish(FileStore(tmp_path), song_id="abc", version=V1, objects=objects)
    assert await everything(FileStore(tmp_path)) == {}
