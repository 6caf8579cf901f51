"""The store as the origin uses it: few calls, never for long, and never more at once than it is allowed.

    reader = Reader(store, metrics, Limits())
    info = await reader.head(key)
    async for chunk in reader.read(info, 0, info.size): ...

- The description of an immutable object is remembered for `Limits.remember_s`, so that a GET costs the store one call.
- An object is read in pieces of one MiB at most. Who asks for a piece that is being read joins that read, and gets its bytes as they come. The store's
  connection is free again as soon as the piece is here, however slowly the clients read.
- At most `Limits.calls` calls run at a time and `Limits.queue` wait for their turn; whoever comes then is refused (503) at once.
- Every answer of the store has `Limits.patience_s` to come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from media.errors import ApiError, ObjectMissing, StoreError, StoreUnavailable
from media.layout import IMMUTABLE
from media.ports import ObjectInfo, ObjectStore
from origin.metrics import Metrics

PIECE = 1 << 20  # bytes
Result = TypeVar("Result")
_REMEMBERED = 65_536  # descriptions, about 40 MB


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process asks of its store. Times in seconds."""

    calls: int = 64
    queue: int = 1024
    patience_s: float = 10.0
    remember_s: float = 60.0


class StoreBusy(ApiError):
    def __init__(self) -> None:
        super().__init__(
            503, "store-busy", "too many requests wait for the store", headers={"Retry-After": "1"}
        )


class _Flight:
    """A piece that is being read, and all who want it."""

    def __init__(self) -> None:
        self.readers = 0
        self.task: asyncio.Task[None]
        self._chunks: list[bytes] = []
        self._error: Exception | None = None
        self._done = False
        self._more = asyncio.Event()

    def put(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        self._error, self._done = error, True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    async def follow(self) -> AsyncIterator[bytes]:
        position = 0
        while True:
            while position < len(self._chunks):
                yield self._chunks[position]
                position += 1
            if self._error is not None:
                if isinstance(self._error, StoreError):  # each gets one of its own: tracebacks grow
                    raise type(self._error)(str(self._error))
                raise self._error
            if self._done:
                return
            await self._more.wait()


class Reader:
    """`clock` in seconds, monotonic."""

    def __init__(
        self,
        store: ObjectStore,
        metrics: Metrics,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._limits = limits
        self._clock = clock
        self._free = limits.calls
        self._queue: list[asyncio.Future[None]] = []
        self._known: dict[str, tuple[float, ObjectInfo]] = {}
        self._heads: dict[str, asyncio.Task[ObjectInfo]] = {}
        self._flights: dict[tuple[str, int, int], _Flight] = {}

    async def head(self, key: str) -> ObjectInfo:
        """Raises `ObjectMissing`, `StoreUnavailable`, `StoreBusy`."""
        known = self._known.get(key)
        if known is not None and self._clock() < known[0]:
            return known[1]
        task = self._heads.get(key)
        if task is None:
            task = self._heads[key] = asyncio.create_task(self._head(key))
            task.add_done_callback(lambda done: self._landed(key, done))
        else:
            self._metrics.add("collapsed")
        return await asyncio.shield(task)

    async def fresh_head(self, key: str) -> ObjectInfo:
        """What the store says now: of what may be replaced, or to learn whether the store answers at all."""
        return await self._head(key)

    def forget(self, key: str) -> None:
        self._known.pop(key, None)

    def joins(self, info: ObjectInfo, start: int, stop: int) -> bool:
        """Whether a read of these bytes would begin as another's guest."""
        return (info.key, start, min(stop, _next_edge(start))) in self._flights

    async def read(self, info: ObjectInfo, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes ``start … stop-1`` of an immutable object. Raises as `head` does, at any chunk."""
        while start < stop:
            edge = min(stop, _next_edge(start))
            flight = self._join(info.key, start, edge)
            flight.readers += 1
            try:
                async with aclosing(flight.follow()) as chunks:  # type: ignore[type-var]
                    async for chunk in chunks:
                        yield chunk
            except ObjectMissing:
                self.forget(info.key)
                raise
            finally:
                flight.readers -= 1
                if not flight.readers:  # nobody wants it any more; without effect when it is done
                    if self._flights.get((info.key, start, edge)) is flight:
                        del self._flights[info.key, start, edge]
                    flight.task.cancel()
            start = edge

    async def whole(self, key: str) -> bytes:
        """All of a small object, read for this caller alone."""
        pieces = []
        async with self._turn("store_reads"), aclosing(self._store.read(key)) as chunks:  # type: ignore[type-var]
            while chunk := await self._patiently(key, anext(chunks, b"")):
                pieces.append(chunk)
        return b"".join(pieces)

    async def close(self) -> None:
        tasks = [*self._heads.values(), *(flight.task for flight in self._flights.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _join(self, key: str, start: int, stop: int) -> _Flight:
        name = (key, start, stop)
        flight = self._flights.get(name)
        if flight is not None:
            self._metrics.add("collapsed")
            return flight
        flight = self._flights[name] = _Flight()
        flight.task = asyncio.create_task(self._fly(flight, name))
        return flight

    async def _fly(self, flight: _Flight, name: tuple[str, int, int]) -> None:
        key, start, stop = name
        error: Exception | None = None
        try:
            async with self._turn("store_reads"), aclosing(self._store.read(key, start, stop)) as chunks:  # type: ignore[type-var]
                left = stop - start
                while left:
                    chunk = await self._patiently(key, anext(chunks, b""))
                    if not 0 < len(chunk) <= left:
                        said = (
                            f"{left} of {stop - start} bytes are missing" if not chunk else "too many bytes"
                        )
                        raise StoreUnavailable(f"{key}: {said}")
                    left -= len(chunk)
                    flight.put(chunk)
        except asyncio.CancelledError:
            error = StoreUnavailable(f"{key}: not read to its end")  # nobody is left to hear it
            raise
        except Exception as failure:
            error = failure
        finally:
            if self._flights.get(name) is flight:
                del self._flights[name]
            flight.end(error)

    async def _head(self, key: str) -> ObjectInfo:
        async with self._turn("store_heads"):
            info = await self._patiently(key, self._store.head(key))
        if info.cache_control == IMMUTABLE:
            self._known.pop(key, None)
            self._known[key] = self._clock() + self._limits.remember_s, info
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
        return info

    def _landed(self, key: str, task: asyncio.Task[ObjectInfo]) -> None:
        del self._heads[key]
        if not task.cancelled():
            task.exception()  # seen, even when all who waited have gone

    async def _patiently(self, key: str, call: Awaitable[Result]) -> Result:
        try:
            async with asyncio.timeout(self._limits.patience_s):
                return await call
        except TimeoutError:
            self._metrics.add("store_failures")
            raise StoreUnavailable(f"{key}: no answer in {self._limits.patience_s:g} s") from None
        except ObjectMissing:
            raise
        except StoreError:
            self._metrics.add("store_failures")
            raise

    @asynccontextmanager
    async def _turn(self, counted: str) -> AsyncIterator[None]:
        """One of the calls that may run at a time, in the order of asking."""
        if self._free > 0:
            self._free -= 1
        else:
            if len(self._queue) >= self._limits.queue:
                self._metrics.add("store_refused")
                raise StoreBusy
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.append(turn)
            self._metrics.add("store_waiting")
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._next()  # it was our turn, and we shall not take it
                else:
                    self._queue.remove(turn)
                raise
            finally:
                self._metrics.add("store_waiting", -1)
        self._metrics.add(counted)
        self._metrics.add("store_busy")
        try:
            yield
        finally:
            self._metrics.add("store_busy", -1)
            self._next()

    def _next(self) -> None:
        """Hand our turn on, or give it back."""
        if self._queue:
            self._queue.pop(0).set_result(None)
        else:
            self._free += 1


def _next_edge(position: int) -> int:
    return (position // PIECE + 1) * PIECE
