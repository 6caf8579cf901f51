"""What the edge does with a path that may be asked for: look it up, fetch it once for many, answer.

It answers from memory or disk what is fresh; it asks the origin once for what many want at the same time; it shows old objects
rather than none while the origin is in trouble; and it says in ``Cache-Status`` what it did. Who may have what was
decided before (`edge_sim.edge.app`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from copy import copy

from aiohttp import web

from edge_sim.edge.answers import answer, part
from edge_sim.edge.borrowing import Borrowing
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.cache_status import CacheStatus, Forward
from edge_sim.edge.carried import Carry, carried
from edge_sim.edge.clock import Clock
from edge_sim.edge.disk.disk import Disk, Stored
from edge_sim.edge.disk.download import FileDownload
from edge_sim.edge.download import Download
from edge_sim.edge.fetch import Origin
from edge_sim.edge.flights import Flights
from edge_sim.edge.metrics import Metrics
from edge_sim.edge.objects import Missing, Oversized, Whole
from edge_sim.edge.refill import Outcome, Refill
from edge_sim.edge.shelf import MemoryShelf
from edge_sim.edge.siblings import Siblings
from edge_sim.edge.streaming import Spoilt, pieces, send
from media.errors import ObjectMissing, TonearmError, UpstreamFailed
from media.serving import REQUEST_ID, problem

# Bytes that a listener waits for rather than being sent on for them: a second and a half of what a slow origin of 1.4 Mbit/s sends, and a few
# round trips to a quick one, as another request would be.
REACH = 256 * 1024
SIGNATURE = web.RequestKey("signature", str)  # the part of the query that a manifest carries on


class Tier:
    """A memory and a disk, and the fetches from `origin` that fill them. `carry` says how manifests carry a signature on, `shelf` serves the fast path.

    With `siblings`, what one of them owns is asked of it first.
    """

    def __init__(
        self,
        *,
        cache: MemoryCache,
        disk: Disk | None,
        origin: Origin,
        metrics: Metrics,
        carry: Carry,
        clock: Clock,
        status: CacheStatus,
        shelf: MemoryShelf | None,
        siblings: Siblings | None = None,
    ) -> None:
        self._cache = cache
        self._disk = disk
        self._origin = origin
        self._metrics = metrics
        self._carry = carry
        self._clock = clock
        self._status = status
        self._shelf = shelf
        self._behind = Borrowing(siblings, origin) if siblings is not None else origin
        self._refill = Refill(cache=cache, disk=disk, origin=self._behind, metrics=metrics, clock=clock)
        self._flights: Flights[Outcome] = Flights()

    def lender(self) -> Tier:
        """The same memory and the same fetches, for siblings: they count themselves what their listeners ask for."""
        twin = copy(self)
        twin._metrics = Metrics(None)
        twin._shelf = None
        return twin

    async def close(self) -> None:
        """End every fetch."""
        await self._flights.close()

    async def bring(self, path: str, request_id: str) -> Outcome:
        """Fetch `path` as if a listener had asked, and wait until all of it has come. Raises `UpstreamFailed`."""
        entry = self._cache.peek(path)
        known = entry if isinstance(entry, Whole) else None
        return await self._flights.land(path, lambda tell: self._refill.fly(path, known, request_id, tell))

    async def serve(self, request: web.Request, path: str, *, ahead: bool = False) -> web.StreamResponse:
        """The answer to `request` for `path`, which is canonical; ``request[SIGNATURE]`` is for a manifest to carry on.

        `ahead`: it was fetched before anybody asked, and this is the first who does, who would have missed it. That is no hit to the policy.
        """
        entry, now = self._cache.peek(path) if ahead else self._cache.get(path), self._clock()
        if entry is not None and entry.fresh(now):
            if isinstance(entry, Oversized):
                self._metrics.requests.labels("pass").inc()
                return await self._pass(request, path, "uri-miss")
            self._metrics.requests.labels("hit").inc()
            said = entry.headers.get("Cache-Status", "") if isinstance(entry, Whole) else ""
            return await self._answer(request, path, entry, self._status.hit(said))
        known = entry if isinstance(entry, Whole) else None
        if known is not None and known.presentable(now):
            self._metrics.requests.labels("stale").inc()
            request_id = request[REQUEST_ID]
            self._flights.start(path, lambda tell: self._refill.fly(path, known, request_id, tell))
            status = self._status.hit(
                known.headers.get("Cache-Status", ""), ttl=known.ttl(now), detail="stale-while-revalidate"
            )
            return await self._answer(request, path, known, status)
        return await self._fetch(request, path, known)

    async def _fetch(self, request: web.Request, path: str, known: Whole | None) -> web.StreamResponse:
        joined = path in self._flights
        count = self._metrics.requests.labels
        if joined:
            count("collapsed").inc()
        request_id = request[REQUEST_ID]
        try:
            outcome = await self._flights.join(
                path,
                lambda tell: self._refill.fly(
                    path, known, request_id, tell, lambda verdict: count(verdict).inc()
                ),
            )
            return await self._tell(request, path, outcome, joined=joined)
        except UpstreamFailed as error:
            why: Forward = "uri-miss" if known is None else "stale"
            return _refuse(error, self._status.forwarded(why, collapsed=joined))

    async def _tell(
        self, request: web.Request, path: str, outcome: Outcome, *, joined: bool
    ) -> web.StreamResponse:
        """What a flight found, to one of those who joined it."""
        found, why = outcome.found, outcome.why
        if outcome.rescued:
            self._metrics.stale.inc()
        if isinstance(found, Oversized) or (joined and not outcome.storable):
            # RFC 9111 §4: an answer that may not be kept is for the one who asked, and nobody else.
            return await self._pass(request, path, why or "uri-miss")
        borrowed = outcome.lent.startswith("hit") and not joined
        if borrowed:
            self._metrics.borrowed.inc()
        if isinstance(found, Missing):
            assert why is not None
            gone = self._status.forwarded(why, stored=outcome.stored, collapsed=joined)
            return await self._answer(
                request, path, found, self._status.hit(detail="sibling") if borrowed else gone
            )
        said, now = found.head.headers.get("Cache-Status", ""), self._clock()
        if borrowed:
            status = self._status.hit(said, detail="sibling")
        elif why is not None:
            status = self._status.forwarded(
                why,
                status=304 if outcome.status == 304 else None,
                stored=outcome.stored,
                collapsed=joined,
                detail="stale-if-error" if outcome.rescued else "",
                upstream=said,
            )
        elif found.head.fresh(now):
            status = self._status.hit(said, detail="disk")
        else:
            status = self._status.hit(said, ttl=found.head.ttl(now), detail="stale-while-revalidate")
        if isinstance(found, Whole):
            return await self._answer(request, path, found, status)
        if SIGNATURE in request:
            if isinstance(found, Stored | FileDownload):
                return await self._pass(request, path, why or "uri-miss")  # no manifest is as large as that
            return await self._answer(request, path, await found.all(), status)
        return await self._stream(request, path, found, status)

    async def _stream(
        self, request: web.Request, path: str, found: Download | Stored, status: str
    ) -> web.StreamResponse:
        """Out of a file, or out of what is still coming, unless the listener asked for what is far from there."""
        wanted = part(request, found.head, found.length, now_ms=self._clock(), status=status)
        if isinstance(wanted, web.Response):
            return wanted
        if wanted.start > found.came + REACH:
            return await self._pass(request, path, "partial")
        body = self._body(request, path, found, wanted.start, wanted.stop)
        try:
            response = await send(request, wanted, body, self._metrics.sent.inc)
        except Spoilt:
            return await self._pass(request, path, "uri-miss")
        if self._shelf is not None and isinstance(found, Download) and found.landed is not None:
            await self._shelf.learn(request, response, path, found.landed)
        return response

    async def _body(
        self, request: web.Request, path: str, found: Download | Stored, start: int, stop: int
    ) -> AsyncGenerator[bytes]:
        """Bytes ``start … stop-1``. What a disk spoils the origin mends; `Spoilt` is raised when that is so from the first byte on."""
        at = start
        try:
            async for piece in pieces(found, start, stop):
                at += len(piece)
                yield piece
        except Spoilt as error:
            if self._disk is not None and isinstance(found, Stored):
                self._disk.rotten(path, str(error))
            if at == start:
                raise
            async for piece in self._origin.rest(path, at, stop, found.head.etag, request[REQUEST_ID]):
                yield piece

    async def _answer(
        self, request: web.Request, path: str, entry: Whole | Missing, status: str
    ) -> web.StreamResponse:
        if isinstance(entry, Missing):
            return _refuse(ObjectMissing(f"{path}: no such object"), status)
        shown = carried(entry, path, request[SIGNATURE], self._carry) if SIGNATURE in request else entry
        response = answer(request, shown, now_ms=self._clock(), status=status)
        if request.method == "GET" and isinstance(response.body, bytes):
            self._metrics.sent.inc(len(response.body))
        if self._shelf is not None and shown is entry:
            await self._shelf.learn(request, response, path, entry)
        return response

    async def _pass(self, request: web.Request, path: str, why: Forward) -> web.StreamResponse:
        """Straight through to who is behind us, a piece at a time."""
        response = await self._behind.forward(request, path, self._status.forwarded(why))
        self._metrics.sent.inc(response.body_length)
        return response


def _refuse(error: TonearmError, status: str) -> web.Response:
    refusal = problem(error.status, error.slug, str(error))
    refusal.headers["Cache-Status"] = status
    return refusal
