"""What is warmed of its own accord: what listeners ask for goes in here, and out come wishes for the queue.

The long way tells of every request; the fast path only of first segments and of requests that announce something, as nothing else of
it matters here.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from edge_sim.edge.clock import Clock
from edge_sim.edge.warming.ledger import Cause, Ledger
from edge_sim.edge.warming.names import SegmentName, segment_name
from edge_sim.edge.warming.next_song import announced
from edge_sim.edge.warming.popular import Popular
from edge_sim.edge.warming.prefetch import Prefetch
from edge_sim.edge.warming.queue import Queue, Result
from edge_sim.edge.warming.song import Extent, objects
from edge_sim.edge.warming.velocity import Velocity
from media import layout
from media.errors import ManifestError

FIRST = "/00001.m4s"  # how the path of a first segment ends: who asks for it begins to listen
HELD_MS = 600_000  # how long a song that rose stays in memory after it was last fast enough
_MOST_HELD = 256  # songs


@dataclass(frozen=True, slots=True)
class Settings:
    """Which parts are on: segments fetched ahead, the next song, streams a minute from which a song is held (0: never)."""

    segments: int = 2
    next_song: bool = True
    velocity: int = 0


OFF = Settings(0, False, 0)


class Stock(Protocol):
    """The cache as warming sees it (`edge_sim.edge.stock`)."""

    def kept(self, path: str) -> bool: ...

    async def fetch(self, path: str) -> Result: ...

    async def read(self, path: str) -> bytes | None: ...

    def hold(self, path: str) -> bool: ...

    def release(self, path: str) -> None: ...


@dataclass(slots=True)
class _Held:
    until_ms: int
    paths: list[str]


class Warming:
    def __init__(self, settings: Settings, stock: Stock, ledger: Ledger, clock: Clock) -> None:
        self._settings = settings
        self._stock = stock
        self._ledger = ledger
        self._clock = clock
        self._queue = Queue(stock.fetch, self._done)
        self._prefetch = Prefetch(settings.segments)
        self._velocity = Velocity(clock)
        self.popular = Popular()
        self._held: OrderedDict[str, _Held] = OrderedDict()  # by folder and rendition
        self._tasks: set[asyncio.Task[None]] = set()

    def asked(self, path: str, target: str, said: str) -> bool:
        """A request for `path` is about to be answered the long way; `target` is its own path, `said` its CMCD.

        Whether this is the first use of what was fetched ahead.
        """
        kept = self._stock.kept(path)
        first_use = kept and self._ledger.used(path)
        segment = segment_name(path)
        if segment is not None:
            if segment.number == 1:
                self._begun(segment)
            if not kept or first_use or segment.number == 1:
                self._want(self._prefetch.after(segment), "segments")
        self.said(target, said)
        return first_use

    def said(self, target: str, said: str) -> None:
        """What the request for `target` announces in its CMCD."""
        if said and self._settings.next_song:
            self._want(announced(target, said), "next-song")

    def begun(self, path: str) -> None:
        """Somebody was given the first segment `path`, by the fast path."""
        segment = segment_name(path)
        if segment is not None:
            self._begun(segment)

    async def warm(
        self, folder: str, extent: Extent, renditions: Collection[str], cause: Cause
    ) -> AsyncGenerator[str]:
        """Fetch what `folder` has, one object after another; each as soon as it is there."""
        text = await self._stock.read(folder + layout.PRESENTATION)
        try:
            wanted = [] if text is None else list(objects(text, extent, renditions))
        except ManifestError:
            return
        for path in wanted:
            result = await self._stock.fetch(path)
            if result == "fetched":
                self._ledger.fetched(path, cause)
            if self._stock.kept(path):
                yield path

    async def settled(self) -> None:
        """Until nothing is being fetched any more."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))
        await self._queue.settled()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._queue.close()

    def _want(self, paths: Iterable[str], cause: Cause) -> None:
        for path in paths:
            if not self._stock.kept(path):
                self._queue.want(path, cause)

    def _done(self, path: str, cause: Cause, result: Result) -> None:
        if result == "fetched":
            self._ledger.fetched(path, cause)
        elif result == "missing" and cause == "segments":
            segment = segment_name(path)
            if segment is not None:
                self._prefetch.missing(segment)

    def _begun(self, segment: SegmentName) -> None:
        key = f"{segment.folder}audio/{segment.rendition}"
        self.popular.add(key)
        if not self._settings.velocity:
            return
        self._let_go()
        if self._velocity.stream(key) < self._settings.velocity:
            return
        held = self._held.get(key)
        if held is not None:
            held.until_ms = self._clock() + HELD_MS
        elif len(self._held) < _MOST_HELD:
            held = self._held[key] = _Held(self._clock() + HELD_MS, [])
            task = asyncio.create_task(self._hold(segment, key, held), name=f"hold {key}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _hold(self, segment: SegmentName, key: str, held: _Held) -> None:
        """Each object as it comes: in a full memory the first would be gone before the last is there."""
        async with aclosing(self.warm(segment.folder, "all", [segment.rendition], "velocity")) as paths:
            async for path in paths:
                if self._held.get(key) is not held:
                    break  # it slowed down meanwhile, and was let go
                if self._stock.hold(path):
                    held.paths.append(path)

    def _let_go(self) -> None:
        now_ms = self._clock()
        for key in [key for key, held in self._held.items() if held.until_ms <= now_ms]:
            for path in self._held.pop(key).paths:
                self._stock.release(path)
