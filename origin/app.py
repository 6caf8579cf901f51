"""The origin's HTTP side: what was published, byte for byte, to edges and players.

    app = application("origin", routes(store))

``GET`` and ``HEAD /songs/{path}``: ranges, conditions and caching as RFC 9110 and 9111 have them. Nothing here knows users or
tokens: segments are encrypted, and whoever may reach the origin may copy them; the edge is the door. ``GET /healthz``
asks the store, ``GET /metrics`` answers Prometheus.

A store's failure before the first byte is a problem document; after it, the connection is broken off, because there is no
other way left to say that the body is not whole.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from urllib.parse import unquote_to_bytes

from aiohttp import web

from media.errors import BadKey, ObjectMissing, PreconditionFailed, StoreError, StoreUnavailable, TonearmError
from media.layout import IMMUTABLE
from media.ports import ObjectInfo, ObjectStore, read_all
from media.serving import error_log, problem, timing
from origin.conditional import Verdict, judge, last_modified, range_stands
from origin.metrics import CONTENT_TYPE, Metrics
from origin.ranges import Multipart, wanted
from origin.stores.keys import check_key

Read = Callable[[int, int], AsyncIterator[bytes]]
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LEFT = 499  # what nginx calls a client that closed the connection first


def routes(store: ObjectStore) -> list[web.AbstractRouteDef]:
    origin = _Origin(store)
    return [
        web.get("/songs/{path:.+}", origin.song),
        web.get("/healthz", origin.health),
        web.get("/metrics", origin.measurements),
    ]


def key_of(raw_path: str) -> str:
    """The store's key for the path of a request as it stood on the wire.

    Decoded once, strictly: `BadKey` for dot segments, encoded slashes, NUL, broken escapes and what is not UTF-8.
    """
    if not raw_path.startswith("/") or not raw_path.isascii() or _ESCAPE.search(raw_path):
        raise BadKey("path: not a percent-encoded path")
    parts = []
    for part in raw_path[1:].split("/"):
        try:
            parts.append(unquote_to_bytes(part).decode())
        except UnicodeDecodeError:
            raise BadKey("path: not UTF-8") from None
        if "/" in parts[-1]:
            raise BadKey("path: an encoded slash")
    return check_key("/".join(parts))


class _BrokenOff(Exception):
    """The answer ended in its middle: `status` is what it would have been, had we known before."""

    def __init__(self, response: web.StreamResponse, status: int) -> None:
        super().__init__(status)
        self.response = response
        self.status = status


class _Origin:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._metrics = Metrics()

    async def song(self, request: web.Request) -> web.StreamResponse:
        started = time.perf_counter()
        status = _LEFT
        try:
            response = await self._serve(request)
            status = response.status
            return response
        except TonearmError as error:
            status = error.status
            raise
        except _BrokenOff as broken:
            status = broken.status
            return broken.response
        finally:
            self._metrics.count(request.path, status, time.perf_counter() - started)

    async def health(self, request: web.Request) -> web.Response:
        """Whether the store answers: 200, or the 503 of its failure."""
        try:
            await self._store.head("healthz")
        except ObjectMissing:
            pass
        except StoreError as error:
            raise _public(error, "healthz") from None
        return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

    async def measurements(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        key = key_of(request.rel_url.raw_path)
        started = time.perf_counter()
        try:
            info, read = await self._find(key)
        except StoreError as error:
            raise _public(error, key) from None
        timing(request, "find", time.perf_counter() - started)
        headers = {
            "ETag": info.etag,
            "Last-Modified": last_modified(info),
            "Cache-Control": info.cache_control,
            "Accept-Ranges": "bytes",
        }
        verdict = judge(request.headers, info)
        if verdict is Verdict.FAILED:
            raise PreconditionFailed(f"/{key}: not the version that the request is about")
        if verdict is Verdict.NOT_MODIFIED:
            return web.Response(status=304, headers=headers)

        spans = None
        if request.method == "GET" and range_stands(request.headers, info):  # §14.2: only GET knows ranges
            spans = wanted(", ".join(request.headers.getall("Range", ())), info.size)
        if spans is None:
            headers["Content-Type"] = info.media_type
            return await _send(request, 200, headers, info.size, read(0, info.size))
        if not spans:
            refusal = problem(416, "range-not-satisfiable", f"/{key}: has {info.size} bytes")
            refusal.headers["Content-Range"] = f"bytes */{info.size}"
            return refusal
        if len(spans) == 1:
            headers["Content-Type"] = info.media_type
            headers["Content-Range"] = spans[0].content_range(info.size)
            return await _send(request, 206, headers, len(spans[0]), read(spans[0].start, spans[0].stop))
        multipart = Multipart(spans, size=info.size, media_type=info.media_type, etag=info.etag)
        headers["Content-Type"] = multipart.content_type
        return await _send(request, 206, headers, multipart.length, _framed(multipart, read))

    async def _find(self, key: str) -> tuple[ObjectInfo, Read]:
        """The object's description and a way to its bytes that agrees with it."""
        info = await self._store.head(key)
        if info.cache_control == IMMUTABLE:
            return info, partial(self._store.read, key)
        # What may be replaced between two calls is small: hold a copy that lies between two equal looks.
        for _ in range(8):
            body = await read_all(self._store, key)
            before, info = info, await self._store.head(key)
            if before.etag == info.etag and len(body) == info.size:
                return info, partial(_pieces, body)
        raise StoreUnavailable(f"{key}: changes faster than it can be read")


async def _pieces(body: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
    yield body[start:stop]


async def _framed(multipart: Multipart, read: Read) -> AsyncIterator[bytes]:
    for head, span in multipart.parts():
        yield head
        async with aclosing(read(span.start, span.stop)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk
    yield multipart.end


async def _send(
    request: web.Request, status: int, headers: dict[str, str], length: int, body: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Stream `body`, which must have `length` bytes, chunk by chunk."""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = length
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    async with aclosing(body) as chunks:  # type: ignore[type-var]
        started = time.perf_counter()
        try:
            chunk = await anext(chunks, b"")  # the store may still say no, with a status
        except StoreError as error:
            raise _public(error, request.path[1:]) from None
        timing(request, "read", time.perf_counter() - started)
        await response.prepare(request)
        left = length
        try:
            while chunk:
                left -= len(chunk)
                await response.write(chunk)
                chunk = await anext(chunks, b"")
            if left:
                raise StoreUnavailable(f"{left} of {length} bytes are missing")
        except ConnectionError:
            raise _BrokenOff(response, _LEFT) from None
        except StoreError as error:
            error_log.error("%s: broken off: %s", request.path, error)
            if request.transport is not None:
                request.transport.abort()
            raise _BrokenOff(response, error.status) from None
    await response.write_eof()
    return response


def _public(error: StoreError, key: str) -> StoreError:
    """The same kind of error without the store's address, prefix and troubles: those are for the log."""
    if isinstance(error, ObjectMissing):
        return ObjectMissing(f"/{key}: no such object")
    error_log.error("%s", error)
    return StoreUnavailable(f"/{key}: the store is not available")
