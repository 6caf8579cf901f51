"""What others than listeners do with the cache: fetch ahead, and take out.

A purge is *hard*: the object is forgotten. Or it is *soft*: it counts as stale from now on, so the next request asks the origin about it, which may
say that it still holds, or may be down: then the old object still stands in, as far as its ``Cache-Control`` allows. On a disk a purge is always hard.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace

from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.clock import Clock
from edge_sim.edge.disk.disk import Disk
from edge_sim.edge.objects import Entry, Missing, Whole
from edge_sim.edge.tier import Tier
from edge_sim.edge.warming.queue import Result
from media.errors import UpstreamFailed


class Stock:
    """A tier with its memory and its disk, for the control door and for warming."""

    def __init__(self, tier: Tier, cache: MemoryCache, disk: Disk | None, clock: Clock) -> None:
        self._tier = tier
        self._cache = cache
        self._disk = disk
        self._clock = clock

    def kept(self, path: str) -> bool:
        """Whether memory or disk has the object."""
        on_disk = self._disk is not None and path in self._disk.index
        return on_disk or isinstance(self._cache.peek(path), Whole)

    async def fetch(self, path: str) -> Result:
        """Have `path`, from the origin if need be. Never raises."""
        entry = self._cache.peek(path)
        if entry is not None and entry.fresh(self._clock()):
            return "missing" if isinstance(entry, Missing) else "had"
        try:
            outcome = await self._tier.bring(path, secrets.token_hex(8))
        except UpstreamFailed:
            return "failed"
        if outcome.status == 404:
            return "missing"
        if outcome.rescued or not outcome.stored:
            return "had" if self.kept(path) else "failed"
        return "fetched"

    async def read(self, path: str) -> bytes | None:
        """The body of a small object, fetched if need be; ``None`` when there is none to be had."""
        await self.fetch(path)
        entry = self._cache.peek(path)
        return entry.body if isinstance(entry, Whole) else None

    def hold(self, path: str) -> bool:
        """Keep `path` in memory whatever comes; ``False`` when there is no room for that."""
        return self._cache.pin(path)

    def release(self, path: str) -> None:
        """End of `hold`."""
        self._cache.unpin(path)

    def purge(self, paths: Iterable[str], prefixes: Iterable[str], *, soft: bool) -> int:
        """How many objects were taken out, or marked stale. A fetch that is under way is not held up."""
        starts, named = tuple(prefixes), set(paths)
        in_memory = {path for path in named if self._cache.peek(path) is not None}
        on_disk: set[str] = set()
        if starts:
            in_memory.update(path for path in self._cache.paths() if path.startswith(starts))
        for path in in_memory:
            entry = self._cache.peek(path)
            if soft and isinstance(entry, Whole):
                self._cache.put(path, _stale(entry, self._clock()))
            else:
                self._cache.remove(path)
        if self._disk is not None:  # which knows nothing of soft: what it has is as fresh as its head says
            on_disk = {path for path in named if path in self._disk.index}
            for path in named:
                self._disk.forget(path)
            if starts:
                on_disk |= self._disk.forget_below(starts)
        return len(in_memory | on_disk)


def _stale(entry: Whole, now_ms: int) -> Entry:
    lifetime_ms = min(entry.freshness.lifetime_ms, max(0, now_ms - entry.born_ms))
    # No window either: it would be sent once more before the origin is asked.
    return replace(entry, freshness=replace(entry.freshness, lifetime_ms=lifetime_ms, window_ms=0))
