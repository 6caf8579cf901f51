"""The origin's HTTP side: what was published, byte for byte, to edges and players.

    app = application("origin", routes(store))

``GET`` and ``HEAD /songs/{path}``: ranges, conditions and caching as RFC 9110 and 9111 have them. Nothing here knows users or
tokens: segments are encrypted, and whoever may reach the origin may copy them; the edge is the door. Manifests come
coded as the client likes, and steering where there is a file for it. ``GET /healthz`` says that the process lives, ``GET /readyz`` that it is of
use, ``GET /metrics`` answers Prometheus.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from aiohttp import web

from media.errors import (
    ApiError,
    ObjectMissing,
    PreconditionFailed,
    StoreError,
    StoreUnavailable,
    TonearmError,
)
from media.layout import IMMUTABLE
from media.ports import ObjectInfo, ObjectStore
from media.serving import LOGGED, STATE, Routes, problem, timing
from media.tally import Tally
from origin import cmcd
from origin.codings import SMALLEST, Manifests, choose, coded, is_text
from origin.conditional import Verdict, judge, last_modified, range_stands
from origin.metrics import CONTENT_TYPE, Metrics
from origin.paths import key_of
from origin.ranges import Multipart, wanted
from origin.reading import Limits, Reader
from origin.sending import LEFT, BrokenOff, Read, framed, pieces, public, send
from origin.shelf import FileShelf, folder_of
from origin.steering import Steerer

_PROBE_S = 2.0  # who asks whether we are ready does not wait for long
_COLLAPSED = "tonearm-origin; fwd=uri-miss; collapsed"  # RFC 9211 §2.7


@dataclass(frozen=True, slots=True)
class Options:
    """How an origin serves. `steering` is the file of `origin.steering`, `clock` gives seconds and never goes back."""

    fast_path: bool = True
    steering: Path | None = None
    limits: Limits = field(default_factory=Limits)
    clock: Callable[[], float] = time.monotonic


def routes(
    store: ObjectStore, options: Options | None = None, *, tally: Tally | None = None, worker: int = 0
) -> Routes:
    """The origin's routes. `tally` (of `Metrics.CELLS`) is shared between workers, of which this is number `worker`."""
    options = options or Options()
    metrics = Metrics(tally, worker)
    folder = folder_of(store)
    limits = options.limits
    if folder is not None:  # a look at a file costs next to nothing: what is deleted shall be gone
        limits = replace(limits, remember_s=min(1.0, limits.remember_s))
    shelf = (
        FileShelf(folder, metrics, clock=options.clock) if folder is not None and options.fast_path else None
    )
    origin = _Origin(store, metrics, Reader(store, metrics, limits, clock=options.clock), shelf)
    steerer = Steerer(options.steering)
    table = [
        web.get("/songs/{path:.+}", origin.song),
        web.get("/steering/{name:[A-Za-z0-9._-]{1,64}}", steerer.answer),
        web.get("/healthz", origin.health),
        web.get("/readyz", origin.readiness),
        web.get("/metrics", origin.measurements),
    ]
    return Routes(table, origin.lifetime, shelf)


class _Origin:
    def __init__(self, store: ObjectStore, metrics: Metrics, reader: Reader, shelf: FileShelf | None) -> None:
        self._store = store
        self._reader = reader
        self._manifests = Manifests()
        self._metrics = metrics
        self._shelf = shelf

    async def lifetime(self, app: web.Application) -> AsyncIterator[None]:
        yield
        await self._reader.close()
        if self._shelf is not None:
            self._shelf.close()

    async def song(self, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        status, sent = LEFT, 0
        self._listen_to(request)
        try:
            response = await self._serve(request)
            status, sent = response.status, response.body_length
            return response
        except TonearmError as error:
            status = error.status
            raise
        except BrokenOff as broken:
            status, sent = broken.status, broken.response.body_length
            return broken.response
        finally:
            self._metrics.count(request.path, status, time.perf_counter() - started, sent)

    async def health(self, request: web.Request) -> web.Response:
        """This process answers; whether it is of use, `readiness` says."""
        return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def readiness(self, request: web.Request) -> web.Response:
        """200, or 503 while the server drains or the store does not answer."""
        if request.app[STATE].draining:
            raise ApiError(503, "draining", "this server is about to stop", headers={"Retry-After": "1"})
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._reader.fresh_head("healthz")
        except ObjectMissing:
            pass
        except TimeoutError:
            raise StoreUnavailable(f"the store has not answered for {_PROBE_S:g} s") from None
        except StoreError as error:
            raise public(error, "healthz") from None
        return web.json_response({"status": "ready"}, headers={"Cache-Control": "no-store"})

    async def measurements(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    def _listen_to(self, request: web.Request) -> None:
        """What the player says of itself goes into the log and into counters, and decides nothing."""
        said = cmcd.of_request(request.headers, request.query_string)
        if said:
            request[LOGGED]["cmcd"] = said
        self._metrics.heard(said)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        key = key_of(request.rel_url.raw_path)
        started = time.perf_counter()
        found: _Found | None = None
        try:
            found = await self._find(key, request.headers.get("Accept-Encoding", ""))
        except StoreError as error:
            raise public(error, key) from None
        info = found.info
        timing(request, "find", time.perf_counter() - started)
        headers = {
            "ETag": info.etag,
            "Last-Modified": last_modified(info),
            "Cache-Control": info.cache_control,
            "Accept-Ranges": "bytes",
            **found.headers,
        }
        verdict = judge(request.headers, info)
        if verdict is Verdict.FAILED:
            raise PreconditionFailed(f"/{key}: not the version that the request is about")
        if verdict is Verdict.NOT_MODIFIED:
            return web.Response(status=304, headers=headers)
        if found.coding:
            headers["Content-Encoding"] = found.coding
        headers["CMSD-Static"] = cmcd.static(key)

        spans = None
        if request.method == "GET" and range_stands(request.headers, info):  # §14.2: only GET knows ranges
            spans = wanted(", ".join(request.headers.getall("Range", ())), info.size)
        if spans is None:
            headers["Content-Type"] = info.media_type
            if not found.headers and self._reader.joins(info, 0, info.size):
                headers["Cache-Status"] = _COLLAPSED
            response = await send(request, 200, headers, info.size, found.read(0, info.size))
            if self._shelf is not None and request.method == "GET" and not found.headers:
                self._shelf.learn(request, response, self._store, info)
            return response
        if not spans:
            refusal = problem(416, "range-not-satisfiable", f"/{key}: has {info.size} bytes")
            refusal.headers["Content-Range"] = f"bytes */{info.size}"
            return refusal
        if len(spans) == 1:
            headers["Content-Type"] = info.media_type
            headers["Content-Range"] = spans[0].content_range(info.size)
            if not found.headers and self._reader.joins(info, spans[0].start, spans[0].stop):
                headers["Cache-Status"] = _COLLAPSED
            return await send(request, 206, headers, len(spans[0]), found.read(spans[0].start, spans[0].stop))
        multipart = Multipart(spans, size=info.size, media_type=info.media_type, etag=info.etag)
        headers["Content-Type"] = multipart.content_type
        return await send(request, 206, headers, multipart.length, framed(multipart, found.read))

    async def _find(self, key: str, accepted: str) -> _Found:
        """The representation to answer with, and a way to its bytes that agrees with its description."""
        info = await self._reader.head(key)
        if info.cache_control != IMMUTABLE:
            return await self._find_mutable(key)
        if is_text(info):
            return await self._find_text(info, accepted)
        return _Found(info, partial(self._reader.read, info))

    async def _find_text(self, info: ObjectInfo, accepted: str) -> _Found:
        """An immutable manifest, out of memory from the second time on, in the coding that the client likes best."""
        body = self._manifests.get(info)
        status = "tonearm-origin; hit"
        if body is None:
            joined = self._reader.joins(info, 0, info.size)
            body = b"".join([chunk async for chunk in self._reader.read(info, 0, info.size)])
            self._manifests.keep(info, "", body)
            status = _COLLAPSED if joined else "tonearm-origin; fwd=uri-miss; stored"
        coding = choose(accepted) if info.size >= SMALLEST else ""
        if coding:
            body = await self._manifests.code(info, coding, body)
        return _Found(
            coded(info, coding, body),
            partial(pieces, body),
            coding,
            {"Vary": "Accept-Encoding", "Cache-Status": status},
        )

    async def _find_mutable(self, key: str) -> _Found:
        # What may be replaced between two calls is small: hold a copy that lies between two equal looks.
        info = await self._reader.fresh_head(key)
        for _ in range(8):
            body = await self._reader.whole(key)
            before, info = info, await self._reader.fresh_head(key)
            if before.etag == info.etag and len(body) == info.size:
                return _Found(info, partial(pieces, body))
        raise StoreUnavailable(f"{key}: changes faster than it can be read")


@dataclass(frozen=True, slots=True)
class _Found:
    """A representation (RFC 9110 §3.2): its description, its bytes, its coding, and the fields that only some have."""

    info: ObjectInfo
    read: Read
    coding: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
