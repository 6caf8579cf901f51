"""Whole objects from the origin: what one GET brought, judged, and never half of an object.

Every request the edge makes for an object is the same, whoever asked for it: no header of a client goes along. So an
answer fits all who want the object, and nobody can poison what the others get.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from edge_sim.edge.forward import forward
from edge_sim.edge.freshness import freshness
from edge_sim.edge.objects import Entry, Missing, Oversized, Whole
from edge_sim.edge.upstream import named_errors
from media.errors import UpstreamFailed
from media.serving import REQUEST_ID

MISSING_MS = 3_000  # how long "there is no such object" is believed
OVERSIZED_MS = 600_000  # how long "too large for us" is believed

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

Clock = Callable[[], int]


def unix_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought: `status` of the origin, whether a shared cache may keep it, body bytes that came."""

    entry: Entry
    status: int
    storable: bool
    received: int


class Origin:
    """The server behind the edge. `largest` is the largest body it will hold, in bytes."""

    def __init__(self, url: str, session: aiohttp.ClientSession, *, largest: int, clock: Clock) -> None:
        self._url = url.rstrip("/")
        self._session = session
        self._largest = largest
        self._clock = clock

    def url(self, path: str) -> URL:
        """The address of `path`, which is relative and canonical: no part of it can lead elsewhere."""
        return URL(f"{self._url}/{quote(path)}", encoded=True)

    async def fetch(self, path: str, known: Whole | None, request_id: str) -> Fetched:
        """GET `path`; with `known` only if it changed. Raises `UpstreamFailed`, `UpstreamTimeout`."""
        headers = {"Accept-Encoding": "identity", "X-Request-Id": request_id}
        if known is not None and known.etag:
            headers["If-None-Match"] = known.etag
        with named_errors(f"origin: {path}"):
            async with self._session.get(self.url(path), headers=headers, allow_redirects=False) as response:
                return await self._judge(path, known, response)

    async def forward(self, request: web.Request, path: str, status: str) -> web.StreamResponse:
        """Straight through, a piece at a time; `status` is the Cache-Status to send. Raises like `fetch`."""
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        headers |= {"Accept-Encoding": "identity", "X-Request-Id": request[REQUEST_ID]}
        return await forward(
            request,
            self._session,
            self.url(path),
            headers=headers,
            what=f"origin: {path}",
            cache_status=status,
        )

    async def _judge(self, path: str, known: Whole | None, response: aiohttp.ClientResponse) -> Fetched:
        now = self._clock()
        if response.status == 200:
            body = await self._body(path, response)
            if body is None:
                return Fetched(Oversized(now + OVERSIZED_MS), 200, True, 0)
            whole = _whole(_kept(response.headers), body, response.headers, now)
            return Fetched(whole, 200, whole.freshness.storable, len(body))
        if response.status == 304 and known is not None and known.etag:
            # RFC 9111 §4.3.4: the fields that came replace those we have.
            headers = CIMultiDict(known.headers)
            headers.update(_kept(response.headers))
            whole = _whole(headers, known.body, response.headers, now)
            return Fetched(whole, 304, whole.freshness.storable, 0)
        if response.status in (404, 410):
            return Fetched(Missing(now + MISSING_MS), 404, True, 0)
        raise UpstreamFailed(f"origin: {path}: answered {response.status}")

    async def _body(self, path: str, response: aiohttp.ClientResponse) -> bytes | None:
        """The complete body, or ``None`` when it is larger than we hold (the connection is then given up)."""
        length = response.content_length
        if length is None and response.headers.get("Transfer-Encoding", "").lower() != "chunked":
            # Its end is the end of the connection, which looks the same when the origin dies half-way.
            raise UpstreamFailed(f"origin: {path}: an answer without a length")
        if length is not None and length > self._largest:
            response.close()
            return None
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._largest:
                response.close()
                return None
        return bytes(body)


def _kept(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, ", ".join(headers.getall(name))) for name in _KEPT if name in headers)


def _whole(headers: CIMultiDict[str], body: bytes, answer: CIMultiDictProxy[str], now_ms: int) -> Whole:
    age = answer.get("Age", "")
    age_ms = int(age[:10]) * 1000 if age.isascii() and age.isdigit() else 0
    rules = freshness(headers.get("Cache-Control", ""), headers.get("Vary", ""))
    return Whole(CIMultiDictProxy(headers), body, now_ms - age_ms, rules)
