"""How the origin asks its store: once for many, within limits, and never for longer than it has patience."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from media.errors import ObjectMissing, StoreUnavailable
from media.layout import IMMUTABLE
from media.ports import ObjectInfo, ObjectStore
from origin.metrics import Metrics
from origin.reading import PIECE, Limits, Reader, StoreBusy

KEY = "songs/abc/1111111111111111/audio/normal/00001.m4s"
LARGE = "songs/abc/1111111111111111/audio/normal/track.mp4"
BODY = bytes(range(256)) * 4096
LARGE_BODY = BODY * 2 + b"the last piece"


class Gated:
    """A real store whose calls wait at a gate and are written down."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.gate = asyncio.Event()
        self.gate.set()
        self.calls: list[tuple[str, str, int, int | None]] = []
        self.running = self.most = 0

    async def head(self, key: str) -> ObjectInfo:
        self.calls.append(("head", key, 0, None))
        await self.gate.wait()
        return await self._store.head(key)

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        self.calls.append(("read", key, start, stop))
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gate.wait()
            async for chunk in self._store.read(key, start, stop):
                yield chunk
        finally:
            self.running -= 1


@pytest.fixture
async def gated(published: ObjectStore) -> Gated:
    await published.put(LARGE, LARGE_BODY, media_type="audio/mp4", cache_control=IMMUTABLE)
    return Gated(published)


def reader_of(
    store: Gated, limits: Limits | None = None, now: list[float] | None = None
) -> tuple[Reader, Metrics]:
    metrics = Metrics()
    clock = [0.0] if now is None else now
    return Reader(store, metrics, limits or Limits(), clock=lambda: clock[0]), metrics  # type: ignore[arg-type]


async def body(reader: Reader, info: ObjectInfo, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in reader.read(info, start, info.size if stop is None else stop)])


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_description_is_asked_for_once(gated: Gated) -> None:
    now = [0.0]
    reader, _ = reader_of(gated, Limits(remember_s=60), now)
    gated.gate.clear()
    asking = [asyncio.create_task(reader.head(KEY)) for _ in range(5)]
    await settled()
    gated.gate.set()
    assert {info.etag for info in await asyncio.gather(*asking)} == {(await gated.head(KEY)).etag}
    gated.calls.clear()
    await reader.head(KEY)
    assert gated.calls == []
    now[0] = 60.0
    await reader.head(KEY)
    assert len(gated.calls) == 1


async def test_what_may_be_replaced_is_asked_for_every_time(gated: Gated) -> None:
    reader, _ = reader_of(gated)
    for _ in range(3):
        await reader.head("songs/abc/current.json")
    assert len(gated.calls) == 3


async def test_what_is_missing_is_not_remembered(gated: Gated, published: ObjectStore) -> None:
    reader, _ = reader_of(gated)
    new = KEY.replace("00001", "77777")
    with pytest.raises(ObjectMissing):
        await reader.head(new)
    await published.put(new, b"now", media_type="audio/mp4", cache_control=IMMUTABLE)
    assert (await reader.head(new)).size == 3


async def test_many_who_want_the_same_share_one_read(gated: Gated) -> None:
    reader, metrics = reader_of(gated)
    info = await reader.head(LARGE)
    gated.calls.clear()
    gated.gate.clear()
    wanting = [asyncio.create_task(body(reader, info)) for _ in range(20)]
    await settled()
    gated.gate.set()
    assert set(await asyncio.gather(*wanting)) == {LARGE_BODY}
    # The first piece was wanted by all at once; how the rest is shared depends on who is quicker.
    assert gated.calls.count(("read", LARGE, 0, PIECE)) == 1
    assert metrics.value("collapsed") >= 19
    assert metrics.value("store_busy") == 0


async def test_a_range_reads_what_it_needs(gated: Gated) -> None:
    reader, _ = reader_of(gated)
    info = await reader.head(LARGE)
    gated.calls.clear()
    assert await body(reader, info, PIECE - 5, 2 * PIECE + 3) == LARGE_BODY[PIECE - 5 : 2 * PIECE + 3]
    assert [call[2:] for call in gated.calls] == [
        (PIECE - 5, PIECE),
        (PIECE, 2 * PIECE),
        (2 * PIECE, 2 * PIECE + 3),
    ]


async def test_who_leaves_does_not_take_it_from_the_others(gated: Gated) -> None:
    reader, _ = reader_of(gated)
    info = await reader.head(KEY)
    gated.gate.clear()
    first, second = [asyncio.create_task(body(reader, info)) for _ in range(2)]
    await settled()
    first.cancel()
    await settled()
    gated.gate.set()
    assert await second == BODY


async def test_when_all_have_left_the_store_is_left_alone(gated: Gated) -> None:
    reader, metrics = reader_of(gated)
    info = await reader.head(KEY)
    gated.gate.clear()
    alone = asyncio.create_task(body(reader, info))
    await settled()
    assert gated.running == 1
    alone.cancel()
    await settled()
    assert gated.running == 0
    assert metrics.value("store_busy") == 0
    gated.gate.set()
    assert await body(reader, info) == BODY


async def test_a_reader_that_stands_still_holds_no_call(gated: Gated) -> None:
    reader, metrics = reader_of(gated, Limits(calls=1))
    slow_info, info = await reader.head(LARGE), await reader.head(KEY)
    slow = reader.read(slow_info, 0, slow_info.size)
    first = await anext(slow)
    assert await asyncio.wait_for(body(reader, info), 30) == BODY  # the only call is free again
    assert metrics.value("store_busy") == 0
    rest = b"".join([chunk async for chunk in slow])
    assert first + rest == LARGE_BODY


async def test_calls_and_their_queue_are_bounded(gated: Gated, published: ObjectStore) -> None:
    keys = [KEY.replace("00001", f"8{number:04d}") for number in range(8)]
    for key in keys:
        await published.put(key, key.encode(), media_type="audio/mp4", cache_control=IMMUTABLE)
    reader, metrics = reader_of(gated, Limits(calls=2, queue=3))
    infos = [await reader.head(key) for key in keys]
    gated.gate.clear()
    asking = [asyncio.create_task(body(reader, info)) for info in infos]
    await settled()
    assert (metrics.value("store_busy"), metrics.value("store_waiting")) == (2, 3)
    asking[2].cancel()  # one who waits leaves; its place is free
    await settled()
    assert metrics.value("store_waiting") == 2
    gated.gate.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(answer) for answer in answers] == [bytes] * 2 + [asyncio.CancelledError] + [bytes] * 2 + [
        StoreBusy
    ] * 3
    assert gated.most == 2
    assert metrics.value("store_refused") == 3
    assert await body(reader, infos[7]) == keys[7].encode()
    assert StoreBusy().status == 503
    assert StoreBusy().headers["Retry-After"] == "1"


async def test_a_store_that_does_not_answer_is_given_up(gated: Gated) -> None:
    reader, metrics = reader_of(gated, Limits(patience_s=0.0))
    gated.gate.clear()
    with pytest.raises(StoreUnavailable, match="no answer in 0 s"):
        await reader.head(KEY)
    patient, _ = reader_of(gated, Limits())
    gated.gate.set()
    info = await patient.head(KEY)
    gated.gate.clear()
    with pytest.raises(StoreUnavailable, match="no answer in 0 s"):
        await body(reader, info)
    assert metrics.value("store_failures") == 2
    assert (metrics.value("store_busy"), gated.running) == (0, 0)


async def test_what_vanished_is_forgotten(gated: Gated, published: ObjectStore) -> None:
    reader, _ = reader_of(gated)
    info = await reader.head(KEY)
    await published.delete(KEY)
    with pytest.raises(ObjectMissing):
        await body(reader, info)
    with pytest.raises(ObjectMissing):
        await reader.head(KEY)


async def test_bytes_reach_all_who_joined_as_they_come(published: ObjectStore) -> None:
    halfway = asyncio.Event()

    class Dawdling(Gated):
        async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            self.calls.append(("read", key, start, stop))
            yield BODY[:1000]
            await halfway.wait()
            yield BODY[1000:]

    store = Dawdling(published)
    reader, _ = reader_of(store)
    info = await reader.head(KEY)
    first, second = reader.read(info, 0, info.size), reader.read(info, 0, info.size)
    assert await anext(first) == BODY[:1000]
    assert await anext(second) == BODY[:1000]  # who comes late gets the beginning as well
    halfway.set()
    for each in (first, second):
        assert b"".join([chunk async for chunk in each]) == BODY[1000:]
    assert [call[0] for call in store.calls] == ["head", "read"]
