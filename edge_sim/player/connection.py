"""A player's connections, with a stopwatch: each request becomes a span, and the parts of a new connection spans of their own."""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiohttp

from edge_sim.edge.upstream import named_errors
from edge_sim.player.waterfall import Span
from media.errors import UpstreamFailed

Stopwatch = Callable[[], int]  # monotonic, ns
SocketFactory = Callable[[tuple[Any, ...]], socket.socket]

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=5)
_LARGEST = 32 << 20  # bytes: no manifest or segment is larger, and a wrong URL may lead anywhere
_CACHE_WORDS = {"hit": "hit", "miss": "fwd=uri-miss", "stale": "fwd=stale", "pass": "fwd=bypass"}
_HTTP = re.compile(r"https?://", re.IGNORECASE)
_TOKEN = re.compile(r"/t/[^/]+")


class Refused(UpstreamFailed):
    """The server answered, with a status that is no success: `code`."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class ByteRange(NamedTuple):
    """`size` bytes from byte `first` on."""

    first: int
    size: int

    @property
    def stop(self) -> int:
        return self.first + self.size


@dataclass
class _Connecting:
    """When a request had to open a connection of its own: ends are zero when it found one open, or needed no such part."""

    stopwatch: Stopwatch
    named_ns: tuple[int, int] = (0, 0)
    start_ns: int = 0
    secured_ns: int = 0  # TCP is there, and TLS begins
    stop_ns: int = 0

    def spans(self) -> Iterator[Span]:
        """Name, TCP, TLS, one after another."""
        start = self.start_ns
        if self.named_ns[1]:
            yield Span("dns", *self.named_ns)
            start = self.named_ns[1]
        yield Span("connect", start, self.secured_ns or self.stop_ns)
        if self.secured_ns:
            yield Span("tls", self.secured_ns, self.stop_ns)


# The request that opens a connection: where TLS begins, nobody else says whose it is.
_connecting: ContextVar[_Connecting] = ContextVar("connecting")


class _Tls(ssl.SSLContext):
    """The usual one, but that it says when it is asked for."""

    def wrap_bio(self, *arguments: Any, **options: Any) -> ssl.SSLObject:
        if connecting := _connecting.get(None):
            connecting.secured_ns = connecting.stopwatch()
        return super().wrap_bio(*arguments, **options)


@cache
def _tls() -> _Tls:
    """Trusts what the system trusts, or the file in SSL_CERT_FILE."""
    context = _Tls(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.set_alpn_protocols(["http/1.1"])
    return context


@dataclass
class Connection:
    """A pool of connections; `spans` collects what happened, in ns of `stopwatch`."""

    session: aiohttp.ClientSession
    stopwatch: Stopwatch
    spans: list[Span] = field(default_factory=list)

    async def get(
        self, name: str, url: str, *, headers: Mapping[str, str] | None = None, part: ByteRange | None = None
    ) -> bytes:
        """The object, or `part` of it, also from a server that knows no ranges and sends all (RFC 9110 §14.2)."""
        if part is None:
            return await self.request(name, "GET", url, headers=headers)
        asked = {**(headers or {}), "Range": f"bytes={part.first}-{part.stop - 1}"}
        return await self.request(name, "GET", url, headers=asked, part=part)

    async def post(self, name: str, url: str, document: Any) -> bytes:
        return await self.request(
            name,
            "POST",
            url,
            headers={"Content-Type": "application/json"},
            body=json.dumps(document).encode(),
        )

    async def request(
        self,
        name: str,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        part: ByteRange | None = None,
    ) -> bytes:
        """The body of a 200 or 201, and of a 206 where a `part` was asked, measured as span `name`.

        Raises `UpstreamFailed` or `UpstreamTimeout`.
        """
        if not _HTTP.match(url):
            raise UpstreamFailed(f"{name}: {url[:80]!r} is no http address")
        connecting = _Connecting(self.stopwatch)
        _connecting.set(connecting)
        start = self.stopwatch()
        with named_errors(f"{name}: {shown(url)}"), _sendable(name):
            async with self.session.request(
                method, url, headers=headers, data=body, trace_request_ctx=connecting
            ) as response:
                content = bytearray()
                async for chunk in response.content.iter_any():
                    content += chunk
                    if len(content) > _LARGEST:
                        raise UpstreamFailed(f"{name}: {shown(url)}: larger than {_LARGEST >> 20} MiB")
        stop = self.stopwatch()
        if response.status not in (200, 201) and not (part and response.status == 206):
            said = f"{name}: {shown(url)}: {response.status} {_detail(content)}".rstrip()
            raise Refused(said, response.status)
        whole = len(content)
        if part is not None:
            if response.status == 200:
                content = content[part.first : part.stop]
            told = response.headers.get("Content-Range", "")
            if len(content) != part.size or (
                response.status == 206 and not told.startswith(f"bytes {part.first}-{part.stop - 1}/")
            ):
                raise UpstreamFailed(
                    f"{name}: {shown(url)}: bytes {part.first}-{part.stop - 1} asked, {told or f'{whole} bytes'} came"
                )
        if connecting.stop_ns:
            self.spans += connecting.spans()
            start = connecting.stop_ns
        cache = nearest_cache(response.headers.get("Cache-Status", ""))
        self.spans.append(Span(name, start, stop, whole, cache))
        self.heard(name, response.headers)
        return bytes(content)

    def heard(self, name: str, headers: Mapping[str, str]) -> None:
        """An answer came, and its span is the last. For who wants to know more of it."""


@contextmanager
def _sendable(name: str) -> Iterator[None]:
    """What a server told us to send, an address or a session, may be nothing that HTTP can carry."""
    try:
        yield
    except aiohttp.ClientError:
        raise
    except ValueError as error:
        raise UpstreamFailed(f"{name}: cannot be asked: {error}") from None


@asynccontextmanager
async def connections(
    stopwatch: Stopwatch, make_socket: SocketFactory | None = None
) -> AsyncIterator[Connection]:
    """A fresh pool: nothing is open yet. Sockets are what `make_socket` makes of an entry of `getaddrinfo`."""
    connector = aiohttp.TCPConnector(ssl=_tls(), socket_factory=make_socket)
    async with aiohttp.ClientSession(
        connector=connector,
        trace_configs=[connecting_times(stopwatch)],
        timeout=TIMEOUT,
        headers={"User-Agent": "tonearm-play"},
    ) as session:
        yield Connection(session, stopwatch)


def connecting_times(stopwatch: Stopwatch) -> aiohttp.TraceConfig:
    """What a session needs for the spans of new connections."""
    trace = aiohttp.TraceConfig()

    async def begins(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.start_ns = stopwatch()

    async def ends(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.stop_ns = stopwatch()

    async def looks_up(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        context.trace_request_ctx.named_ns = (stopwatch(), 0)

    async def knows(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        connecting = context.trace_request_ctx
        connecting.named_ns = (connecting.named_ns[0], stopwatch())

    trace.on_dns_resolvehost_start.append(looks_up)
    trace.on_dns_resolvehost_end.append(knows)
    trace.on_connection_create_start.append(begins)
    trace.on_connection_create_end.append(ends)
    return trace


def nearest_cache(status: str) -> str:
    """What the last member of a Cache-Status list says (RFC 9211: the one nearest to us), in one word."""
    parameters = {part.strip() for part in status.rpartition(",")[2].split(";")[1:]}
    return next((word for word, parameter in _CACHE_WORDS.items() if parameter in parameters), "")


def shown(url: str) -> str:
    """`url` without its token: an error message is no place for a credential."""
    return _TOKEN.sub("/t/…", url.partition("?")[0])


def _detail(content: bytearray) -> str:
    """The detail of a problem+json body (RFC 9457), if it is one."""
    try:
        return str(json.loads(content)["detail"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
