"""One flight: what is asked of the origin when memory has not got a path, and what is kept of the answer.

Whoever joined hears of it as soon as it is clear what it is: at once of what needs no body, and of an object as soon as its head is
there, as a `Download` that grows. An object whose length the origin does not know is told of when it is whole, and so is one
that takes the place of an old object: if it breaks off, the old one stands in.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from edge_sim.edge.borrowing import Borrowing
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.cache_status import Forward
from edge_sim.edge.download import Download
from edge_sim.edge.fetch import Arrival, Clock, Origin
from edge_sim.edge.metrics import Metrics
from edge_sim.edge.objects import Head, Missing, Oversized, Whole
from media.errors import UpstreamFailed
from media.serving import error_log

LARGEST = 16 << 20  # bytes: no segment comes near it; what does is not for memory
MISSING_MS = 3_000  # how long "there is no such object" is believed
OVERSIZED_MS = 600_000  # how long "too large for us" is believed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flight has to tell. `status` is the origin's; what is not `storable` is for the one who asked, and nobody else."""

    found: Whole | Download | Missing | Oversized
    why: Forward
    status: int = 200
    storable: bool = True
    stored: bool = False
    rescued: bool = False  # the origin failed, and an old object stands in
    lent: str = ""  # what a sibling says of itself, when it was one that answered


Tell = Callable[[Outcome], None]


class Refill:
    """Fills `cache` from `origin`.

    Bodies on their way take at most half as much as the cache may hold, on top of it; what finds no room there passes through, as
    does what is too large to be kept: one object must not sweep out all the others.
    """

    def __init__(
        self, *, cache: MemoryCache, origin: Origin | Borrowing, metrics: Metrics, clock: Clock
    ) -> None:
        self._cache = cache
        self._origin = origin
        self._metrics = metrics
        self._clock = clock
        self._largest = min(LARGEST, cache.budget // 4)
        self._room = cache.budget // 2

    async def fly(self, path: str, known: Whole | None, request_id: str, tell: Tell) -> None:
        """Ask for `path`, if `known` has changed. Raises `UpstreamFailed` while nothing is told."""
        try:
            async with self._origin.ask(path, known, request_id) as arrival:
                await self._take(path, known, arrival, _lent(tell, arrival.lent) if arrival.lent else tell)
        except UpstreamFailed as error:
            self._metrics.fetches.labels("failed").inc()
            if known is None or not known.usable(self._clock()):
                error_log.error("%s", error, extra={"request_id": request_id})
                raise
            tell(Outcome(known, "stale", rescued=True))
        else:
            if not arrival.lent:
                self._metrics.fetches.labels(str(arrival.status)).inc()

    async def _take(self, path: str, known: Whole | None, arrival: Arrival, tell: Tell) -> None:
        why: Forward = "uri-miss" if known is None else "stale"
        now = self._clock()
        head, length, body = arrival.head, arrival.length, arrival.body
        if head is None:
            missing = Missing(now + MISSING_MS)
            tell(Outcome(missing, why, 404, stored=self._cache.put(path, missing)))
            return
        if body is None:
            assert known is not None
            whole = Whole(head.headers, head.born_ms, head.freshness, known.body)
            self._keep(path, whole)
            tell(Outcome(whole, why, 304, storable=head.freshness.storable))
            return
        if not head.freshness.storable:
            self._cache.remove(path)
        if not arrival.lent:
            body = self._counted(body)
        async with aclosing(body):
            if length is None:
                await self._unknown(path, head, body, why, tell)
            elif length > self._largest:
                self._cache.put(path, Oversized(now + OVERSIZED_MS))
                tell(Outcome(Oversized(now), why))
            elif length > self._room:
                tell(Outcome(Oversized(now), why))
            else:
                rescue = known is not None and known.usable(now)
                await self._known(path, Download(head, length), body, why, tell, rescue=rescue)

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
                chunk = await anext(body, b"")
                if not chunk:
                    raise UpstreamFailed(f"origin: {path}: {download.came} bytes of {download.length}")
                download.grow(chunk)
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

    def _keep(self, path: str, whole: Whole) -> bool:
        if whole.freshness.storable:
            return self._cache.put(path, whole)
        self._cache.remove(path)
        return False


def _lent(tell: Tell, lent: str) -> Tell:
    return lambda outcome: tell(replace(outcome, lent=lent))
