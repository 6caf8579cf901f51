"""Publishing: all of a version or none of it, whatever fails, whenever, and whoever else is publishing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from media.errors import BadKey, PreconditionFailed, SettingsError, StoreError, StoreUnavailable
from media.ports import ObjectInfo, ObjectStore, read_all
from origin.publish import Pointer, current, publish

V1, V2 = "1111111111111111", "2222222222222222"
Objects = list[tuple[str, bytes]]


class Watched:
    """A real store; `before_put` is called with the key and the body's number before each put, and may raise or wait."""

    def __init__(self, store: ObjectStore, before_put: Callable[[str, int], Any]) -> None:
        self._store = store
        self._before_put = before_put
        self.puts: list[str] = []
        self.ended: list[str] = []

    async def put(self, key: str, body: bytes, **rest: Any) -> ObjectInfo:
        self.puts.append(key)
        if (waiting := self._before_put(key, len(self.puts))) is not None:
            await waiting
        info = await self._store.put(key, body, **rest)
        self.ended.append(key)
        return info

    async def head(self, key: str) -> ObjectInfo:
        return await self._store.head(key)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self._store.read(key, start, stop)

    def list(self, prefix: str, *, named: str = "") -> AsyncIterator[ObjectInfo]:
        return self._store.list(prefix, named=named)

    async def delete(self, key: str) -> None:
        await self._store.delete(key)

    async def close(self) -> None:
        await self._store.close()


async def everything(store: ObjectStore) -> dict[str, bytes]:
    return {info.key: await read_all(store, info.key) async for info in store.list("")}


def ticking(start: int) -> Callable[[], int]:
    times = iter(range(start, start + 1000))
    return lambda: next(times)


async def test_a_version_and_its_pointer(store: ObjectStore, objects: Objects) -> None:
    assert await current(store, "abc") is None
    await publish(store, song_id="abc", version=V1, objects=objects, clock=ticking(1000))
    assert await current(store, "abc") == Pointer("abc", V1, 1000)
    expected = {f"songs/abc/{V1}/{path}": body for path, body in objects}
    found = await everything(store)
    assert found.pop("songs/abc/current.json") == (
        b'{"published_ms":1000,"song_id":"abc","version":"1111111111111111"}'
    )
    assert found == expected


async def test_again_is_nothing_new(store: ObjectStore, objects: Objects) -> None:
    await publish(store, song_id="abc", version=V1, objects=objects, clock=ticking(1000))
    before = await everything(store)
    await publish(store, song_id="abc", version=V1, objects=iter(objects), clock=ticking(2000))
    assert await everything(store) == before


async def test_the_pointer_moves_on_and_back(store: ObjectStore, objects: Objects) -> None:
    for version, now in ((V1, 1), (V2, 2), (V1, 3)):
        await publish(store, song_id="abc", version=version, objects=objects, clock=ticking(now))
        assert await current(store, "abc") == Pointer("abc", version, now)
    assert len(await everything(store)) == 2 * len(objects) + 1


async def test_what_names_is_written_after_what_is_named(store: ObjectStore, objects: Objects) -> None:
    """Each wave has ended before the next begins, in whatever order the caller gives the objects."""

    def check(key: str, _: int) -> None:
        ended = set(watched.ended)
        media = {f"songs/abc/{V1}/{path}" for path, _ in objects if path.endswith((".mp4", ".m4s"))}
        manifests = {f"songs/abc/{V1}/{path}" for path, _ in objects if path.endswith((".m3u8", ".mpd"))}
        if key in manifests:
            assert ended >= media
        if key.endswith("presentation.json"):
            assert ended >= media | manifests
        if key.endswith("current.json"):
            assert len(ended) == len(objects) + 1  # and the claim

    watched = Watched(store, check)
    await publish(watched, song_id="abc", version=V1, objects=objects[::-1])
    assert watched.puts[-1] == "songs/abc/current.json"


@pytest.mark.parametrize("earlier", [None, V1])
async def test_a_failure_at_any_put_leaves_no_trace(
    store: ObjectStore, objects: Objects, earlier: str | None
) -> None:
    if earlier:
        await publish(store, song_id="abc", version=earlier, objects=objects)
    before = await everything(store)
    for failing in range(1, len(objects) + 2):

        def fail(key: str, number: int, failing: int = failing) -> None:
            if number == failing:
                raise StoreUnavailable("the disk is full")

        with pytest.raises(StoreUnavailable, match="disk is full"):
            await publish(Watched(store, fail), song_id="abc", version=V2, objects=objects)
        assert await everything(store) == before


async def test_a_store_that_stays_down_hides_what_it_has(store: ObjectStore, objects: Objects) -> None:
    """Nothing can be deleted then, but nothing points to it either; the next try takes it over."""

    class Down(Watched):
        async def delete(self, key: str) -> None:
            raise StoreUnavailable("still down")

    def fail(key: str, number: int) -> None:
        if number > 5:
            raise StoreUnavailable("down")

    with pytest.raises(StoreUnavailable, match=r"^down"):
        await publish(Down(store, fail), song_id="abc", version=V1, objects=objects)
    assert await current(store, "abc") is None
    assert await everything(store)
    await publish(store, song_id="abc", version=V1, objects=objects)
    assert len(await everything(store)) == len(objects) + 1


async def test_a_failing_package_leaves_no_trace(store: ObjectStore, objects: Objects) -> None:
    def broken() -> Iterator[tuple[str, bytes]]:
        yield from objects[:4]
        raise RuntimeError("no such codec")

    with pytest.raises(RuntimeError, match="no such codec"):
        await publish(store, song_id="abc", version=V1, objects=broken())
    assert await everything(store) == {}


async def test_cancelled_in_the_middle(store: ObjectStore, objects: Objects) -> None:
    reached, released = asyncio.Event(), asyncio.Event()

    def hold(key: str, number: int) -> Any:
        if number == 6:
            reached.set()
            return released.wait()
        return None

    publishing = asyncio.create_task(
        publish(Watched(store, hold), song_id="abc", version=V1, objects=objects)
    )
    await reached.wait()
    publishing.cancel()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert await everything(store) == {}


async def test_a_write_that_cancelling_cannot_stop_is_taken_back(
    store: ObjectStore, objects: Objects
) -> None:
    """The held put ends after the cancellation, as one in a thread does; it must not outlive the publication."""
    reached, released = asyncio.Event(), asyncio.Event()

    def hold(key: str, number: int) -> Any:
        if key.endswith("00002.m4s"):
            reached.set()
            return released.wait()
        return None

    watched = Watched(store, hold)
    publishing = asyncio.create_task(publish(watched, song_id="abc", version=V1, objects=objects))
    await reached.wait()
    publishing.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert not publishing.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    assert f"songs/abc/{V1}/audio/low/00002.m4s" in watched.ended
    assert await everything(store) == {}


async def test_other_bytes_under_an_immutable_name(store: ObjectStore, objects: Objects) -> None:
    await publish(store, song_id="abc", version=V1, objects=objects)
    before = await everything(store)
    changed = [(path, body.replace(b"normal 00002", b"normal 0000x")) for path, body in objects]
    with pytest.raises(PreconditionFailed, match=r"normal/00002\.m4s: there already"):
        await publish(store, song_id="abc", version=V1, objects=changed)
    assert await everything(store) == before


async def test_another_version_published_meanwhile_wins(store: ObjectStore, objects: Objects) -> None:
    times = ticking(5)

    def interfere(key: str, number: int) -> Any:
        if key.endswith("current.json"):
            return store.put(
                key,
                Pointer("abc", V1, times()).to_json(),
                media_type="application/json",
                cache_control="no-cache",
            )
        return None

    for _ in range(2):  # where there was no pointer, and where there was one
        with pytest.raises(PreconditionFailed, match="another version"):
            await publish(Watched(store, interfere), song_id="abc", version=V2, objects=objects)
        assert list(await everything(store)) == ["songs/abc/current.json"]


async def test_the_same_version_published_meanwhile_is_fine(store: ObjectStore, objects: Objects) -> None:
    def interfere(key: str, number: int) -> Any:
        if key.endswith("current.json"):
            return store.put(
                key, Pointer("abc", V1, 5).to_json(), media_type="application/json", cache_control="no-cache"
            )
        return None

    await publish(Watched(store, interfere), song_id="abc", version=V1, objects=objects)
    assert await current(store, "abc") == Pointer("abc", V1, 5)
    assert len(await everything(store)) == len(objects) + 1


async def test_what_another_published_meanwhile_is_not_taken_away(
    store: ObjectStore, objects: Objects
) -> None:
    """Another process found our objects, had the same bytes for them, and was first; then we fail."""

    async def be_overtaken() -> None:
        await store.put(
            "songs/abc/current.json",
            Pointer("abc", V1, 5).to_json(),
            media_type="application/json",
            cache_control="no-cache",
        )
        raise StoreUnavailable("too late")

    def interfere(key: str, number: int) -> Any:
        return be_overtaken() if key.endswith("presentation.json") else None

    with pytest.raises(StoreUnavailable, match="too late"):
        await publish(Watched(store, interfere), song_id="abc", version=V1, objects=objects)
    assert len(await everything(store)) == len(objects)  # all but presentation.json, and the pointer


async def test_what_vanishes_meanwhile_is_noticed(store: ObjectStore, objects: Objects) -> None:
    def vanish(key: str, number: int) -> Any:
        if key.endswith("presentation.json"):
            return store.delete(f"songs/abc/{V1}/audio/low/00001.m4s")
        return None

    with pytest.raises(StoreError, match=r"low/00001\.m4s: vanished"):
        await publish(Watched(store, vanish), song_id="abc", version=V1, objects=objects)
    assert await everything(store) == {}


async def test_two_publications_of_one_song_take_turns(store: ObjectStore, objects: Objects) -> None:
    """The first fails late; the second must not lean on what the first is going to delete."""
    failed = False

    def fail_once(key: str, number: int) -> None:
        nonlocal failed
        if key.endswith("presentation.json") and not failed:
            failed = True
            raise StoreUnavailable("for a moment")

    watched = Watched(store, fail_once)
    results = await asyncio.gather(
        *(publish(watched, song_id="abc", version=V1, objects=objects) for _ in range(2)),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StoreUnavailable, type(None)]
    assert len(await everything(store)) == len(objects) + 1


async def test_a_reader_who_follows_the_pointer_always_finds_everything(
    store: ObjectStore, objects: Objects
) -> None:
    seen: set[str] = set()
    done = asyncio.Event()

    async def hammer() -> None:
        while not done.is_set():
            if pointer := await current(store, "abc"):
                seen.add(pointer.version)
                for path, body in objects:
                    assert await read_all(store, f"songs/abc/{pointer.version}/{path}") == body
            await asyncio.sleep(0)

    readers = [asyncio.create_task(hammer()) for _ in range(3)]
    for number in range(12):
        await publish(store, song_id="abc", version=f"{number:016x}", objects=objects)
    done.set()
    await asyncio.gather(*readers)
    assert len(seen) > 3


@pytest.mark.parametrize("path", ["../current.json", "/x", "a//b", "", "../../other/x"])
async def test_paths_out_of_the_version_are_refused(store: ObjectStore, objects: Objects, path: str) -> None:
    with pytest.raises(BadKey):
        await publish(store, song_id="abc", version=V1, objects=[*objects, (path, b"x")])
    assert await everything(store) == {}


async def test_wrong_use(store: ObjectStore, objects: Objects) -> None:
    with pytest.raises(SettingsError, match="song id"):
        await publish(store, song_id="../x", version=V1, objects=objects)
    with pytest.raises(SettingsError, match="song id"):
        await current(store, "../x")
    with pytest.raises(StoreError, match="version"):
        await publish(store, song_id="abc", version="../2", objects=objects)
    with pytest.raises(StoreError, match=r"presentation\.json"):
        await publish(store, song_id="abc", version=V1, objects=objects[:-1])
    with pytest.raises(StoreError, match="given twice"):
        await publish(store, song_id="abc", version=V1, objects=[*objects, objects[0]])
    assert await everything(store) == {}


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b'{"song_id":"abc","version":"x","published_ms":1}', b"\xff", b'{"song_id":"abc"}'],
)
async def test_a_pointer_that_is_none_is_the_stores_fault(store: ObjectStore, text: bytes) -> None:
    await store.put("songs/abc/current.json", text, media_type="application/json", cache_control="no-cache")
    with pytest.raises(StoreUnavailable, match="not a pointer"):
        await current(store, "abc")
