"""What the edge does with a path that may be asked for: look it up, fetch it once for many, answer.

It answers from memory what is fresh; it asks the origin once for what many want at the same time; it shows old objects
rather than none while the origin is in trouble; and it says in ``Cache-Status`` what it did. Who may have what was
decided before (`edge_sim.edge.app`).
"""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from edge_sim.edge import cache_status
from edge_sim.edge.answers import answer
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.cache_status import Forward
from edge_sim.edge.carried import Carry, carried
from edge_sim.edge.fetch import Clock, Fetched, Origin
from edge_sim.edge.flights import Flights
from edge_sim.edge.metrics import Metrics
from edge_sim.edge.objects import Missing, Oversized, Whole
from edge_sim.edge.shelf import MemoryShelf
from media.errors import ObjectMissing, TonearmError, UpstreamFailed
from media.serving import REQUEST_ID, error_log, problem

LARGEST = 16 << 20  # bytes: no segment comes near it; what does is not for memory
SIGNATURE = web.RequestKey("signature", str)  # the part of the query that a manifest carries on


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a flight brought to all who waited for it."""

    fetched: Fetched
    stored: bool
    rescued: bool = False  # the origin failed, and an old object stands in


class Tier:
    """A memory, and the fetches from `origin` that fill it. `carry` says how manifests carry a signature on, `shelf` serves the fast path."""

    def __init__(
        self,
        *,
        cache: MemoryCache,
        origin: Origin,
        metrics: Metrics,
        carry: Carry,
        clock: Clock,
        shelf: MemoryShelf | None,
    ) -> None:
        self._cache = cache
        self._origin = origin
        self._metrics = metrics
        self._carry = carry
        self._clock = clock
        self._shelf = shelf
        self._flights: Flights[_Outcome] = Flights()

    async def close(self) -> None:
        """End every fetch."""
        await self._flights.close()

    async def serve(self, request: web.Request, path: str) -> web.StreamResponse:
        """The answer to `request` for `path`, which is canonical; ``request[SIGNATURE]`` is for a manifest to carry on."""
        entry = self._cache.get(path)
        if entry is not None and entry.fresh(self._clock()):
            if isinstance(entry, Oversized):
                self._metrics.requests.labels("pass").inc()
                return await self._pass(request, path, "uri-miss")
            self._metrics.requests.labels("hit").inc()
            said = entry.headers.get("Cache-Status", "") if isinstance(entry, Whole) else ""
            return await self._answer(request, path, entry, cache_status.hit(said))
        known = entry if isinstance(entry, Whole) else None
        return await self._fetch(request, path, known)

    async def _fetch(self, request: web.Request, path: str, known: Whole | None) -> web.StreamResponse:
        why: Forward = "uri-miss" if known is None else "stale"
        joined = path in self._flights
        self._metrics.requests.labels("collapsed" if joined else "miss" if known is None else "expired").inc()
        request_id = request[REQUEST_ID]
        try:
            outcome = await self._flights.join(path, lambda: self._refill(path, known, request_id))
        except UpstreamFailed as error:
            error_log.error("%s", error, extra={"request_id": request_id})
            return _refuse(error, cache_status.forwarded(why, collapsed=joined))
        if outcome.rescued:
            self._metrics.stale.inc()
        fetched = outcome.fetched
        if isinstance(fetched.entry, Oversized) or (joined and not fetched.storable):
            # RFC 9111 §4: an answer that may not be kept is for the one who asked, and nobody else.
            return await self._pass(request, path, why)
        status = cache_status.forwarded(
            why,
            status=304 if fetched.status == 304 else None,
            stored=outcome.stored,
            collapsed=joined,
            detail="stale-if-error" if outcome.rescued else "",
            upstream=fetched.entry.headers.get("Cache-Status", "")
            if isinstance(fetched.entry, Whole)
            else "",
        )
        return await self._answer(request, path, fetched.entry, status)

    async def _refill(self, path: str, known: Whole | None, request_id: str) -> _Outcome:
        """One flight: ask the origin, and keep what may be kept."""
        try:
            fetched = await self._origin.fetch(path, known, request_id)
        except UpstreamFailed:
            self._metrics.fetches.labels("failed").inc()
            if known is None or not known.usable(self._clock()):
                raise
            return _Outcome(Fetched(known, 200, True, 0), stored=False, rescued=True)
        self._metrics.fetches.labels(str(fetched.status)).inc()
        self._metrics.fetched.inc(fetched.received)
        if not fetched.storable:
            self._cache.remove(path)
            return _Outcome(fetched, stored=False)
        kept = self._cache.put(path, fetched.entry)
        return _Outcome(fetched, stored=kept and fetched.status != 304)

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
        """Straight through to the origin, a piece at a time."""
        response = await self._origin.forward(request, path, cache_status.forwarded(why))
        self._metrics.sent.inc(response.body_length)
        return response


def _refuse(error: TonearmError, status: str) -> web.Response:
    refusal = problem(error.status, error.slug, str(error))
    refusal.headers["Cache-Status"] = status
    return refusal
