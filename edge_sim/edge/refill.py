"""One flight: where a path is looked for when memory has not got it, first on the disk and then at the origin, and what is kept.

Whoever joined hears of it as soon as it is clear what it is: at once of what needs no body, and of an object as soon as its head is
there, as a `Download` that grows. An object whose length the origin does not know is told of when it is whole, and so is one
that takes the place of an old object in memory: if it breaks off, the old one stands in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from edge_sim.edge.borrowing import Borrowing
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.cache_status import Forward
from edge_sim.edge.clock import Clock
from edge_sim.edge.disk.disk import Disk, Stored
from edge_sim.edge.disk.download import FileDownload
from edge_sim.edge.download import Download
from edge_sim.edge.fetch import Arrival, Origin
from edge_sim.edge.metrics import Metrics
from edge_sim.edge.objects import Head, Missing, Oversized, Whole
from edge_sim.edge.streaming import Spoilt
from media.errors import UpstreamFailed
from media.serving import error_log

LARGEST = 16 << 20  # bytes: no segment comes near it; what does is not for memory
MISSING_MS = 3_000  # how long "there is no such object" is believed
OVERSIZED_MS = 600_000  # how long "too large for us" is believed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flight has to tell. `status` is the origin's; what is not `storable` is for the one who asked, and nobody else."""

    found: Whole | Stored | Download | Missing | Oversized
    why: Forward | None  # None: the disk had it, and nobody was asked
    status: int = 200
    storable: bool = True
    stored: bool = False
    rescued: bool = False  # the origin failed, and an old object stands in
    lent: str = ""  # what a sibling says of itself, when it was one that answered


Tell = Callable[[Outcome], None]


def _nobody(verdict: str) -> None:
    """Nobody asked: this is for what comes."""


class Refill:
    """Fills `cache` from `disk` and `origin`, and `disk` from `origin`.

    Bodies on their way to memory take at most half as much as the cache may hold, on top of it. What finds no room there, or is too large for
    memory (one object must not sweep out all the others), goes to the disk as it comes; without a disk it passes through.
    """

    def __init__(
        self,
        *,
        cache: MemoryCache,
        disk: Disk | None,
        origin: Origin | Borrowing,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._cache = cache
        self._disk = disk
        self._origin = origin
        self._metrics = metrics
        self._clock = clock
        self._largest = min(LARGEST, cache.budget // 4)
        self._room = cache.budget // 2

    async def fly(
        self,
        path: str,
        known: Whole | Stored | None,
        request_id: str,
        tell: Tell,
        decided: Callable[[str], None] = _nobody,
    ) -> None:
        """Look for `path`; `known` is what memory has of it. Raises `UpstreamFailed` while nothing is told.

        `decided` hears what kind of request it is (`Metrics.requests`) as soon as that is clear.
        """
        if known is None:
            known = await self._on_disk(path, tell)
            now = self._clock()
            if known is not None and known.head.fresh(now):
                decided("disk")
                return
            shown = known is not None and known.head.presentable(now)
            decided("miss" if known is None else "stale" if shown else "expired")
        else:
            decided("expired")
        head = None if known is None else known.head
        try:
            async with self._origin.ask(path, head, request_id) as arrival:
                await self._take(path, known, arrival, _lent(tell, arrival.lent) if arrival.lent else tell)
        except UpstreamFailed as error:
            self._metrics.fetches.labels("failed").inc()
            if known is None or not known.head.usable(self._clock()):
                error_log.error("%s", error, extra={"request_id": request_id})
                raise
            tell(Outcome(known, "stale", rescued=True))
        else:
            if not arrival.lent:
                self._metrics.fetches.labels(str(arrival.status)).inc()

    async def _on_disk(self, path: str, tell: Tell) -> Whole | Stored | None:
        """What the disk has of `path`; it is told when it may be used as it is."""
        stored = None if self._disk is None else await self._disk.find(path)
        if self._disk is None or stored is None:
            return None
        found: Whole | Stored = stored
        if stored.length <= self._largest:
            try:
                found = await stored.all()
            except Spoilt as error:
                self._disk.rotten(path, str(error))
                return None
            self._cache.put(path, found)
        if found.head.fresh(self._clock()) or found.head.presentable(self._clock()):
            tell(Outcome(found, None))
        return found

    async def _take(self, path: str, known: Whole | Stored | None, arrival: Arrival, tell: Tell) -> None:
        why: Forward = "uri-miss" if known is None else "stale"
        now = self._clock()
        head, length, body = arrival.head, arrival.length, arrival.body
        if head is None:
            missing = Missing(now + MISSING_MS)
            if self._disk is not None:
                self._disk.forget(path)
            tell(Outcome(missing, why, 404, stored=self._cache.put(path, missing)))
            return
        if body is None:
            assert known is not None
            tell(Outcome(self._renew(path, known, head), why, 304, storable=head.freshness.storable))
            return
        if not head.freshness.storable:
            self._forget(path)
        if not arrival.lent:
            body = self._counted(body)
        async with aclosing(body):
            if length is None:
                await self._unknown(path, head, body, why, tell)
            elif length > self._largest or length > self._room:
                await self._large(path, head, length, body, why, tell)
            else:
                rescue = known is not None and known.head.usable(now)
                await self._known(path, Download(head, length), body, why, tell, rescue=rescue)

    async def _large(
        self, path: str, head: Head, length: int, body: AsyncGenerator[bytes], why: Forward, tell: Tell
    ) -> None:
        growing = None
        if self._disk is not None and head.freshness.storable:
            growing = await self._disk.begin(path, head, length)
        if self._disk is None or growing is None:
            oversized = Oversized(self._clock() + OVERSIZED_MS)
            if length > self._largest:
                self._cache.put(path, oversized)
            tell(Outcome(oversized, why))
            return
        download = FileDownload(self._disk, growing)
        tell(Outcome(download, why, stored=True))
        try:
            while download.came < length:
                await download.write(await self._next(path, download, body))
        except Spoilt as error:  # the disk's trouble: listeners get the rest from the origin, each by itself
            download.fail(error)
        except UpstreamFailed as error:
            download.fail(error)
            raise
        except BaseException:
            download.fail(UpstreamFailed(f"{path}: the edge is stopping"))
            raise
        finally:
            download.abandon()

    async def _known(
        self,
        path: str,
        download: Download,
        body: AsyncGenerator[bytes],
        why: Forward,
        tell: Tell,
        *,
        rescue: bool,
    ) -> None:
        storable = download.head.freshness.storable
        coming = Outcome(download, why, storable=storable, stored=storable)
        if not rescue:
            tell(coming)
        self._room -= download.length
        try:
            while download.came < download.length:
                download.grow(await self._next(path, download, body))
        except UpstreamFailed as error:
            download.fail(error)
            raise
        except BaseException:
            download.fail(UpstreamFailed(f"{path}: the edge is stopping"))
            raise
        finally:
            self._room += download.length
        # Nobody can have read the last bytes by now: who has all of it finds it here when asking again.
        self._keep(path, download.land())
        tell(coming)

    async def _unknown(
        self, path: str, head: Head, body: AsyncGenerator[bytes], why: Forward, tell: Tell
    ) -> None:
        got = bytearray()
        try:
            async for chunk in body:
                got += chunk
                self._room -= len(chunk)
                if len(got) > self._largest or self._room < 0:
                    oversized = Oversized(self._clock() + OVERSIZED_MS)
                    if len(got) > self._largest:
                        self._cache.put(path, oversized)
                    tell(Outcome(oversized, why))
                    return
        finally:
            self._room += len(got)
        whole = Whole(head.headers, head.born_ms, head.freshness, bytes(got))
        tell(Outcome(whole, why, storable=head.freshness.storable, stored=self._keep(path, whole)))

    async def _counted(self, body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        async with aclosing(body):
            async for chunk in body:
                self._metrics.fetched.inc(len(chunk))
                yield chunk

    async def _next(self, path: str, download: Download, body: AsyncGenerator[bytes]) -> bytes:
        chunk = await anext(body, b"")
        if not chunk:
            raise UpstreamFailed(f"origin: {path}: {download.came} bytes of {download.length}")
        return chunk

    def _renew(self, path: str, known: Whole | Stored, head: Head) -> Whole | Stored:
        """`known`, which is as it was, under a new `head`."""
        if isinstance(known, Whole):
            whole = Whole(head.headers, head.born_ms, head.freshness, known.body)
            self._keep(path, whole, again=True)
            return whole
        if self._disk is not None and head.freshness.storable:
            self._disk.renew(known, head)
        else:
            self._forget(path)
        return known.under(head)

    def _keep(self, path: str, whole: Whole, *, again: bool = False) -> bool:
        if not whole.freshness.storable:
            self._forget(path)
            return False
        if self._disk is not None:
            self._disk.keep(path, whole, again=again)
        return self._cache.put(path, whole)

    def _forget(self, path: str) -> None:
        self._cache.remove(path)
        if self._disk is not None:
            self._disk.forget(path)


def _lent(tell: Tell, lent: str) -> Tell:
    return lambda outcome: tell(replace(outcome, lent=lent))
