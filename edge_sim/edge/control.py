"""The control door: what operators ask of an edge, on a port that listeners do not reach.

    POST /purge         {"paths": […], "prefixes": […], "songs": ["id", "id/version"], "soft": true}     → {"purged": 7}
    POST /warm          {"songs": ["id"], "extent": "start" | "all", "renditions": […], "paths": […]}    → 202, a job
    GET  /warm/{job}    how far it is
    GET  /popular       the songs that are played most
    GET  /status        servers behind the edge, memory, hit ratio, what warming was good for

It listens on loopback. Anywhere else it wants a token, ``Authorization: Bearer …`` (RFC 6750 §2.1). A browser is never an operator: whatever has an
``Origin`` is refused, so that no page can purge the edge of whoever reads it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from edge_sim.edge.clock import Clock
from edge_sim.edge.jobs import WAITING, Jobs, Order
from edge_sim.edge.metrics import Metrics
from edge_sim.edge.paths import check_path
from edge_sim.edge.purges import Purges
from edge_sim.edge.upstreams.ask import Upstreams
from edge_sim.edge.warming.ledger import CAUSES, OUTCOMES, Ledger
from edge_sim.edge.warming.neighbours import written
from edge_sim.edge.warming.popular import Popular
from media import layout
from media.errors import ApiError
from media.song import SONG_ID

LARGEST = 16 << 20  # bytes of an order


@dataclass(frozen=True, slots=True)
class Door:
    """Where to listen, and what to ask for there: `token` may be empty on loopback only."""

    port: int
    host: str = "127.0.0.1"
    token: str = ""


class Control:
    """The handlers. `name` is the edge's own, as Cache-Status has it."""

    def __init__(
        self,
        *,
        name: str,
        token: str,
        purges: Purges,
        jobs: Jobs,
        ledger: Ledger,
        popular: Popular,
        upstreams: Upstreams,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._name = name
        self._token = token.encode()
        self._purges = purges
        self._jobs = jobs
        self._ledger = ledger
        self._popular_songs = popular
        self._upstreams = upstreams
        self._metrics = metrics
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/purge", self._guarded(self._purge)),
            web.post("/warm", self._guarded(self._warm)),
            web.get("/warm/{job}", self._guarded(self._job)),
            web.get("/status", self._guarded(self._status)),
            web.get("/popular", self._guarded(self._popular)),
        ]

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            if "Origin" in request.headers:
                raise ApiError(403, "forbidden", "browsers have no business here")
            given = request.headers.get("Authorization", "").encode()
            if self._token and not secrets.compare_digest(given, b"Bearer " + self._token):
                raise ApiError(
                    401, "unauthorized", "a token is needed", headers={"WWW-Authenticate": "Bearer"}
                )
            return await handler(request)

        return answer

    async def _purge(self, request: web.Request) -> web.Response:
        order = await _document(request, {"paths", "prefixes", "songs", "soft"})
        prefixes = [check_path(each.removesuffix("/")) + "/" for each in _texts(order, "prefixes")]
        paths = [check_path(each) for each in _texts(order, "paths")]
        for song in _songs(order):
            prefixes.append(f"songs/{song}/")
        soft = order.get("soft", False)
        if not isinstance(soft, bool):
            raise _refusal("soft: true or false expected")
        purged = await self._purges.purge(paths, prefixes, soft=soft)
        return web.json_response({"purged": purged}, headers={"Cache-Control": "no-store"})

    async def _warm(self, request: web.Request) -> web.Response:
        order = await _document(request, {"paths", "songs", "extent", "renditions"})
        extent = order.get("extent", "start")
        if extent not in ("start", "all"):
            raise _refusal('extent: "start" or "all" expected')
        job = self._jobs.start(
            Order(
                [check_path(each) for each in _texts(order, "paths")],
                _songs(order),
                extent,
                _texts(order, "renditions"),
            )
        )
        return web.json_response(
            job.document(),
            status=202,
            headers={"Location": f"/warm/{job.id}", "Cache-Control": "no-store"},
        )

    async def _job(self, request: web.Request) -> web.Response:
        job = self._jobs.get(request.match_info["job"])
        if job is None:
            raise ApiError(404, "not-found", "no such job, or one of long ago")
        return web.json_response(job.document(), headers={"Cache-Control": "no-store"})

    async def _popular(self, request: web.Request) -> web.Response:
        return web.Response(
            body=written(self._popular_songs),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _status(self, request: web.Request) -> web.Response:
        self._ledger.sweep()
        document = {
            "name": self._name,
            "servers": [
                {
                    "tier": server.tier,
                    "server": str(server),
                    "state": server.circuit.state(self._clock()),
                    "failures": server.failures,
                }
                for server in self._upstreams.servers
            ],
            "memory": self._metrics.memory(),
            "requests": self._metrics.decided(),
            "warming": {
                cause: {outcome: self._ledger.count(cause, outcome) for outcome in OUTCOMES}
                for cause in CAUSES
            },
        }
        return web.json_response(document, headers={"Cache-Control": "no-store"})


async def _document(request: web.Request, known: set[str]) -> dict[str, Any]:
    """The body as JSON. Raises `ApiError` 415 and 422."""
    if request.content_type != "application/json":
        raise ApiError(415, "unsupported-media-type", "application/json expected")
    try:
        document = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise _refusal("the body is no JSON") from None
    if not isinstance(document, dict):
        raise _refusal("an object expected")
    if strange := sorted(set(document) - known):
        raise _refusal(f"{strange[0][:40]!r} is not among {', '.join(sorted(known))}")
    return document


def _texts(document: dict[str, Any], name: str) -> list[str]:
    found = document.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise _refusal(f"{name}: a list of strings expected")
    if len(found) > WAITING:
        raise _refusal(f"{name}: at most {WAITING}")
    return found


def _songs(document: dict[str, Any]) -> list[str]:
    """Song ids, each with a version or without."""
    songs = _texts(document, "songs")
    for each in songs:
        song_id, slash, version = each.partition("/")
        if not SONG_ID.fullmatch(song_id) or (slash and not layout.VERSION.fullmatch(version)):
            raise _refusal(f"songs: {each[:80]!r} is neither a song id nor an id with a version behind /")
    return songs


def _refusal(why: str) -> ApiError:
    return ApiError(422, "bad-order", why)
