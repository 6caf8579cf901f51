"""Asking the origin: what one GET begins to bring, judged before the first byte of a body.

Every request the edge makes for an object is the same, whoever asked for it: no header of a client goes along. So an
answer fits all who want the object, and nobody can poison what the others get.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from edge_sim.edge.clock import Clock
from edge_sim.edge.forward import relay
from edge_sim.edge.freshness import freshness
from edge_sim.edge.objects import Head
from edge_sim.edge.upstream import named_errors
from edge_sim.edge.upstreams.ask import Upstreams
from media.errors import UpstreamFailed
from media.serving import REQUEST_ID

# What a stored answer keeps (RFC 9111 §3.1 leaves out what belongs to one connection or one exchange).
_KEPT = (
    "Cache-Control",
    "Cache-Status",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Content-Type",
    "Date",
    "ETag",
    "Expires",
    "Last-Modified",
    "Link",
    "Vary",
)

# What of a listener's request goes along when it passes through.
_PASSED = ("Range", "If-Range", "If-None-Match")


@dataclass(frozen=True, slots=True)
class Arrival:
    """The beginning of an answer, 200, 304 or 404 (which 410 is, too). `head` is that of the object, `None` with 404.

    `length` of the body in bytes is `None` where the origin does not know it yet. `body` has it, and raises `UpstreamFailed` when
    it breaks off. `lent`: not from an origin but from a sibling, which says this of itself (`edge_sim.edge.borrowing`).
    """

    status: int
    head: Head | None = None
    length: int | None = None
    body: AsyncGenerator[bytes] | None = None
    lent: str = ""


def question(known: Head | None, request_id: str) -> dict[str, str]:
    """The header fields that ask for an object; with `known` only if it changed."""
    headers = {"Accept-Encoding": "identity", "X-Request-Id": request_id}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    return headers


def passed(request: web.Request) -> dict[str, str]:
    """The header fields of a question that a listener's `request` is the reason for, when it passes through."""
    given = {name: request.headers[name] for name in _PASSED if name in request.headers}
    return given | question(None, request[REQUEST_ID])


class Origin:
    """What is behind the edge."""

    def __init__(self, upstreams: Upstreams, *, clock: Clock) -> None:
        self._upstreams = upstreams
        self._clock = clock

    @asynccontextmanager
    async def ask(self, path: str, known: Head | None, request_id: str) -> AsyncIterator[Arrival]:
        """GET `path`; with `known` only if it changed. A body that is not read to its end is given up.

        Raises `UpstreamFailed`, `UpstreamTimeout`.
        """
        async with self._upstreams.ask(path, question(known, request_id)) as response:
            yield self.judge(path, known, response)

    async def forward(self, request: web.Request, path: str, status: str) -> web.StreamResponse:
        """Straight through, a piece at a time; `status` is the Cache-Status to send. Raises like `fetch`."""
        async with self._upstreams.ask(path, passed(request), method=request.method) as upstream:
            return await relay(request, upstream, what=f"origin: {path}", cache_status=status)

    async def rest(
        self, path: str, start: int, stop: int, etag: str, request_id: str
    ) -> AsyncGenerator[bytes]:
        """Bytes ``start … stop-1`` of the object with `etag`, which must be strong. Raises `UpstreamFailed` when they cannot be had."""
        what = f"origin: {path}"
        if not etag or etag.startswith("W/"):
            raise UpstreamFailed(f"{what}: nothing says that its bytes {start} and on are still the same")
        headers = question(None, request_id) | {"Range": f"bytes={start}-{stop - 1}", "If-Range": etag}
        async with self._upstreams.ask(path, headers) as response:
            said = response.headers.get("Content-Range", "")
            same = response.headers.get("ETag") == etag
            if response.status != 206 or not same or not said.startswith(f"bytes {start}-{stop - 1}/"):
                raise UpstreamFailed(f"{what}: {response.status} instead of its bytes {start} to {stop - 1}")
            async for piece in _pieces(what, response):
                yield piece

    def judge(self, path: str, known: Head | None, response: aiohttp.ClientResponse) -> Arrival:
        """What `response` to that question is. Raises `UpstreamFailed`."""
        now = self._clock()
        if response.status == 200:
            length = response.content_length
            if length is None and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
                # Its end is the end of the connection, which looks the same when the origin dies half-way.
                raise UpstreamFailed(f"origin: {path}: an answer without a length")
            head = _head(_kept(response.headers), response.headers, now)
            return Arrival(200, head, length, _pieces(f"origin: {path}", response))
        if response.status == 304 and known is not None and known.etag:
            # RFC 9111 §4.3.4: the fields that came replace those we have.
            headers = CIMultiDict(known.headers)
            headers.update(_kept(response.headers))
            return Arrival(304, _head(headers, response.headers, now))
        if response.status in (404, 410):
            return Arrival(404)
        raise UpstreamFailed(f"origin: {path}: answered {response.status}")


async def _pieces(what: str, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    with named_errors(what):
        async for chunk in response.content.iter_any():
            yield chunk


def _kept(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, ", ".join(headers.getall(name))) for name in _KEPT if name in headers)


def _head(headers: CIMultiDict[str], answer: CIMultiDictProxy[str], now_ms: int) -> Head:
    age = answer.get("Age", "")
    age_ms = int(age[:10]) * 1000 if age.isascii() and age.isdigit() else 0
    rules = freshness(headers.get("Cache-Control", ""), headers.get("Vary", ""))
    return Head(CIMultiDictProxy(headers), now_ms - age_ms, rules)
