"""The edge: a caching reverse proxy in front of the origin.

A stream URL is ``/t/{token}/songs/…``. The edge verifies the token itself and caches by the path behind it, so
listeners share objects and nothing of the control plane is needed to play. It answers from memory what is fresh;
it asks the origin once for what many want at the same time; it shows old objects rather than none while the origin
is in trouble; and it says in ``Cache-Status`` what it did. Listeners' own ``Cache-Control`` is not obeyed: an edge
that everybody may send past its memory protects no origin.

    app = application("edge", routes(origin_url="http://127.0.0.1:8081", keys=keys, memory=256 << 20))
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from yarl import URL

from edge_sim.edge import cache_status
from edge_sim.edge.admission import Admission
from edge_sim.edge.answers import answer
from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.cache_status import Forward
from edge_sim.edge.carried import Carry, carried, is_manifest
from edge_sim.edge.fetch import Clock, Fetched, Origin, unix_ms
from edge_sim.edge.flights import Flights
from edge_sim.edge.forward import end_to_end, forward
from edge_sim.edge.metrics import Metrics
from edge_sim.edge.objects import Missing, Oversized, Whole
from edge_sim.edge.upstream import session
from edge_sim.policies import DEFAULT
from edge_sim.policies import policy as new_policy
from media import layout
from media.errors import BadKey, ObjectMissing, TonearmError, UpstreamFailed
from media.serving import REQUEST_ID, Routes, error_log, problem
from origin.signing.gate import Signers
from origin.tokens import Keyring, verify

LARGEST = 16 << 20  # bytes: no segment comes near it; what does is not for memory
# Every path we publish looks like this; anything cleverer is refused before it is compared, cached or sent on. No store
# has longer keys: the origin would refuse them too, and a listener's nonsense must not look like a failing origin.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,254})*", re.ASCII)
_LONGEST = 1024
# What of a listener's request goes along when it passes through to the origin.
_PASSED = ("Range", "If-Range", "If-None-Match")
_SIGNATURE = web.RequestKey("signature", str)  # the part of the query that a manifest carries on


def routes(
    *,
    origin_url: str,
    keys: Keyring,
    memory: int,
    policy: str = DEFAULT,
    clock: Clock = unix_ms,
    api_url: str | None = None,
    signers: Signers | None = None,
    carry: Carry = "rewrite",
    behind_proxy: bool = False,
) -> Routes:
    """The edge's routes. `memory` is the cache's budget in bytes, `policy` names who leaves it, `clock` gives Unix time in ms.

    With `api_url`, the control API's paths pass through to it, uncached. With `signers`, a signature of theirs in the query or a
    cookie opens ``/songs/…``, too, and manifests carry it on as `carry` says. `behind_proxy`: listeners' addresses are
    in ``X-Real-IP``.
    """
    edge = Edge(
        origin_url=origin_url,
        admission=Admission(keys, signers, clock, behind_proxy),
        memory=memory,
        policy=policy,
        clock=clock,
        api_url=api_url,
        carry=carry,
    )
    table: list[web.AbstractRouteDef] = [
        web.get(r"/t/{token}/songs/{path:.+}", edge.stream),
        web.get(r"/songs/{path:[^/]+/[^/]+/public/.+}", edge.public),
        web.get("/verify", edge.admission.verify),
        web.get("/healthz", edge.healthz),
        web.get("/metrics", edge.metrics),
    ]
    if signers is not None:
        table.append(web.get(r"/songs/{path:.+}", edge.signed))
    if api_url is not None:
        table += [
            web.route("*", r"/t/{token}/{path:(?:licence|keys)/.+}", edge.api),
            web.route("*", r"/v1/{path:.+}", edge.api),
        ]
    return Routes(table, edge.lifetime)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a flight brought to all who waited for it."""

    fetched: Fetched
    stored: bool
    rescued: bool = False  # the origin failed, and an old object stands in


class Edge:
    """One edge's memory, connections and counters."""

    def __init__(
        self,
        *,
        origin_url: str,
        admission: Admission,
        memory: int,
        policy: str,
        clock: Clock,
        api_url: str | None,
        carry: Carry,
    ) -> None:
        self._origin_url = origin_url
        self._api_url = api_url
        self.admission = admission
        self._carry = carry
        self._clock = clock
        self._cache = MemoryCache(memory, new_policy(policy, memory))
        self._largest = min(LARGEST, memory // 4)  # one object must not sweep out all the others
        self._flights: Flights[_Outcome] = Flights()
        self._metrics = Metrics(self._cache)
        self._session: aiohttp.ClientSession
        self._origin: Origin

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        """Connections are opened here before the first request and closed after the last."""
        async with session() as self._session:
            self._origin = Origin(self._origin_url, self._session, largest=self._largest, clock=self._clock)
            yield
            await self._flights.close()

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """``/t/{token}/songs/…``: what the token opens."""
        path = _canonical(request)
        verify(
            request.match_info["token"],
            path,
            keys=self.admission.keys,
            now_ms=self._clock(),
            client=self.admission.client(request),
        )
        return await self._serve(request, path)

    async def signed(self, request: web.Request) -> web.StreamResponse:
        """``/songs/…?signature``, or with it in cookies. The signature is no part of what is cached, nor of its key."""
        path = _canonical(request)
        query = self.admission.admit(request)
        if query and is_manifest(path):
            request[_SIGNATURE] = query
        return await self._serve(request, path)

    async def public(self, request: web.Request) -> web.StreamResponse:
        """``/songs/{song}/{version}/public/…``: what needs no token."""
        path = _canonical(request)
        if not layout.is_public(path):
            raise ObjectMissing(f"{path}: not public")
        return await self._serve(request, path)

    async def api(self, request: web.Request) -> web.StreamResponse:
        """The control API behind the edge."""
        url = URL(f"{(self._api_url or '').rstrip('/')}{request.rel_url.raw_path_qs}", encoded=True)
        headers = end_to_end(request.headers)
        headers["X-Request-Id"] = request[REQUEST_ID]
        return await forward(
            request,
            self._session,
            url,
            headers=headers,
            what="control API",
            cache_status=cache_status.forwarded("bypass"),
        )

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.text(),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store"},
        )

    async def _serve(self, request: web.Request, path: str) -> web.StreamResponse:
        entry = self._cache.get(path)
        if entry is not None and entry.fresh(self._clock()):
            if isinstance(entry, Oversized):
                self._metrics.requests.labels("pass").inc()
                return await self._pass(request, path, "uri-miss")
            self._metrics.requests.labels("hit").inc()
            said = entry.headers.get("Cache-Status", "") if isinstance(entry, Whole) else ""
            return self._answer(request, path, entry, cache_status.hit(said))
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
        return self._answer(request, path, fetched.entry, status)

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

    def _answer(
        self, request: web.Request, path: str, entry: Whole | Missing, status: str
    ) -> web.StreamResponse:
        if isinstance(entry, Missing):
            return _refuse(ObjectMissing(f"{path}: no such object"), status)
        if _SIGNATURE in request:
            entry = carried(entry, path, request[_SIGNATURE], self._carry)
        response = answer(request, entry, now_ms=self._clock(), status=status)
        if request.method == "GET" and isinstance(response.body, bytes):
            self._metrics.sent.inc(len(response.body))
        return response

    async def _pass(self, request: web.Request, path: str, why: Forward) -> web.StreamResponse:
        """Straight through to the origin, a piece at a time."""
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        headers |= {"Accept-Encoding": "identity", "X-Request-Id": request[REQUEST_ID]}
        response = await forward(
            request,
            self._session,
            self._origin.url(path),
            headers=headers,
            what=f"origin: {path}",
            cache_status=cache_status.forwarded(why),
        )
        self._metrics.sent.inc(response.body_length)
        return response


def _canonical(request: web.Request) -> str:
    """The path in the store, ``songs/…``, without percent-encoding, dot segments or empty parts. Raises `BadKey`."""
    path = f"songs/{request.match_info['path']}"
    if len(path) > _LONGEST or not _PLAIN.fullmatch(path):
        raise BadKey(
            "path: only letters, digits, _ - . and no part that is empty, too long or begins with a dot"
        )
    return path


def _refuse(error: TonearmError, status: str) -> web.Response:
    refusal = problem(error.status, error.slug, str(error))
    refusal.headers["Cache-Status"] = status
    return refusal
