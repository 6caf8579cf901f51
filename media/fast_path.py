"""A short way through aiohttp for the one request that everybody sends: a plain GET of an object that never changes.

A server spends most of its life on such requests, and aiohttp most of its time on what they do not need: a task, a
request object, a response object, a dozen header fields put together anew. Here such a request is recognised by its
bytes and answered from a head that was built once, in the very call that brought it. Whatever is not recognised to the
last byte goes to aiohttp, which must give the same answer (`tests/origin/test_fast_path.py` and `tests/edge_sim/edge/test_fast_path.py` ask
both, thousands of times). The origin's shelf is `origin/shelf.py`, the edge's `edge_sim/edge/shelf.py`.

    class Shelf:                                # (with `resting` and `request_id`) what a server keeps
        def find(self, target: bytes, peer: Any) -> Image | None: ...
        def sent(self, quick: Quick) -> None: ...

    handler = FastHandler(server, shelf, loop=loop, **options)   # instead of aiohttp's RequestHandler

Private attributes of aiohttp 3.14 that it reads: ``_waiter`` (there while no request is in work), ``_messages`` (what waits), ``_close`` and ``_force_close``
(the connection counts no more), ``_loop``. One it writes, ``_next_keepalive_close_time``, and one it calls, ``_drain_helper``. ``--no-fast-path``
leaves all of this out. See docs/decisions/0014.
"""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Collection, Sequence
from email.utils import formatdate
from typing import Any, NamedTuple, Protocol

from aiohttp import web
from aiohttp.helpers import ceil_timeout

LARGEST = 256 * 1024  # bytes of body: what is larger goes out in pieces, at the pace of whoever reads it
_TICKETS = (
    4096  # bytes of TLS that may wait for the next write to go with: the session tickets after a handshake
)
_LONGEST = 4096  # bytes of a request's header fields
# Fields that change nothing about the answer to a GET of an immutable object. Any other, and any twice, is aiohttp's.
# One range is the shelf's to read.
_HARMLESS = frozenset(
    b"""range host user-agent accept accept-encoding accept-language connection x-request-id traceparent tracestate referer origin via
    forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip cache-control pragma priority cookie dnt sec-gpc
    cmcd-object cmcd-request cmcd-session cmcd-status
    sec-fetch-dest sec-fetch-mode sec-fetch-site sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform""".split()
)
_CMCD = (b"cmcd-object", b"cmcd-request", b"cmcd-session", b"cmcd-status")
_LINES = re.compile(rb"(?:[!-~][ -~]*\r\n)+\r\n")
_RANGE = re.compile(rb"bytes=[0-9]{1,15}-[0-9]{0,15}")
_HOST = re.compile(rb"[A-Za-z0-9.:\[\]-]{1,255}")
# Fields that announce a body or another protocol.
_BODY: Sequence[bytes] = (
    b"\ncontent-length",
    b"\ntransfer-encoding",
    b"\nupgrade",
    b"\nexpect",
    b"\nconnection: upg",
)
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Image(Protocol):
    """One object, ready to go."""

    @property
    def status(self) -> int:
        """200, or 206 of a `part`."""

    @property
    def size(self) -> int:
        """Bytes of the body, at most `LARGEST`."""

    def part(self, wanted: bytes) -> Image | None:
        """The range that ``bytes=a-b`` or ``bytes=a-`` names; ``None`` sends the request the long way."""

    def ready(self) -> bool:
        """Whether the bytes can be had without waiting for a disk. Asked before each `send`."""

    def head(self, request_id: bytes, found_s: float, read_s: float) -> bytes:
        """The answer as it stands before the body, the empty line included; what took how long, for Server-Timing."""

    def send(self, out: socket.socket, head: bytes) -> int:
        """Put `head` and the body into a socket that does not block, and say how many bytes it took. Raises `OSError`."""

    def rest(self, start: int) -> bytes | memoryview:
        """The body from `start` on, for the transport to keep; shorter than it should be when the object has changed under us."""


class Asked(NamedTuple):
    """What harmless fields say: the X-Request-Id, the traceparent, the CMCD and the Range, each empty when there is none."""

    request_id: bytes
    trace: bytes
    cmcd: bytes
    range: bytes


class Quick(NamedTuple):
    """One quick answer, for whoever counts and logs: what `find` gave, and what went out. Times in seconds of `time.perf_counter`."""

    image: Any
    status: int
    target: bytes
    request_id: bytes
    asked: Asked
    peer: Any
    seconds: float
    size: int


class Shelf(Protocol):
    resting: bool
    """Set while the server drains: answers must then say so, which takes the long way."""

    def find(self, target: bytes, peer: Any) -> Image | None:
        """What the request target names, exactly as it stands on the wire; ``None`` sends the request the long way.

        `peer` is the address of the connection's other end, as sockets give it.
        """

    def request_id(self) -> bytes:
        """A new one."""

    def sent(self, quick: Quick) -> None: ...


class _Clock:
    """``Date`` as a field, made once a second (RFC 9110 §6.6.1)."""

    def __init__(self) -> None:
        self._second = -1
        self._field = b""

    def field(self) -> bytes:
        now = int(time.time())
        if now != self._second:
            self._second, self._field = now, f"Date: {formatdate(now, usegmt=True)}\r\n".encode()
        return self._field


date = _Clock()


_NOTHING = Asked(b"", b"", b"", b"")


class FastHandler(web.RequestHandler):
    """aiohttp's connection, with the short way before it."""

    __slots__ = ("_bare", "_known", "_sealed", "_shelf", "_socket", "_untouched")

    def __init__(self, manager: web.Server, shelf: Shelf, **options: Any) -> None:
        super().__init__(manager, **options)
        self._shelf = shelf
        self._socket: socket.socket | None = None
        # All that came until now were whole requests without a body, so aiohttp's parser stands between two.
        self._bare = True
        self._untouched = True  # nothing has come that was not answered here
        self._known: tuple[bytes, Asked] = (b"", _NOTHING)
        self._sealed = False  # TLS: bytes go through the transport, which encrypts them

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        lent = transport.get_extra_info("socket")
        self._sealed = transport.get_extra_info("sslcontext") is not None
        if lent is not None and not self._sealed:
            self._socket = socket.socket(lent.family, lent.type, lent.proto, lent.fileno())

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._socket is not None:
            self._socket.detach()  # it is the transport's to close
            self._socket = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if data and self._bare:
            # Idle: aiohttp waits for a request, or it has not come to that yet on a connection that is new.
            waiter = self._waiter
            idle = self._untouched if waiter is None else not waiter.done()
            if idle and self._quick(data):
                return
            self._bare = _is_bare(data)
        self._untouched = False
        super().data_received(data)

    async def shutdown(self, timeout: float | None = 15.0) -> None:
        """aiohttp waits for its handlers only: wait for what a quick answer left to the transport as well."""
        if self.transport is not None and self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(0)  # now "paused" means "not all is sent"
            try:
                async with ceil_timeout(timeout):
                    await self._drain_helper()
            except (TimeoutError, ConnectionError):
                pass
        await super().shutdown(timeout)

    def _quick(self, data: bytes) -> bool:
        """Answer `data`, if it is one plain request for something on the shelf; else touch nothing."""
        started = time.perf_counter()
        end = data.find(b"\r\n")
        if not data.startswith(b"GET ") or data[end - 9 : end] != b" HTTP/1.1":
            return False
        target = data[4 : end - 9]
        found = self._shelf.find(target, self.peername)
        if found is None or self._shelf.resting or self._messages or self._close or self._force_close:
            return False
        fields = data[end + 2 :]
        if fields == self._known[0]:
            asked = self._known[1]
        elif (plain := harmless(fields)) is not None:
            asked = plain
            self._known = fields, asked
        else:
            return False
        image = found.part(asked.range) if asked.range else found
        transport, out = self.transport, self._socket
        # What the transport still holds must go first, so whoever reads slowly takes the long way.
        if image is None or transport is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > (_TICKETS if self._sealed else 0):
            return False
        if out is None and not self._sealed:
            return False
        looked = time.perf_counter()
        if not image.ready():
            return False
        request_id = asked.request_id or self._shelf.request_id()
        head = image.head(request_id, looked - started, time.perf_counter() - looked)
        try:
            sent = image.send(out, head) if out is not None else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            transport.abort()  # the client has gone
            return True
        if sent < len(head) + image.size:
            self._leave(image, head, sent, transport)
        # Its time to the next request begins anew, as after any other answer.
        self._next_keepalive_close_time = self._loop.time() + self.keepalive_timeout
        took = time.perf_counter() - started
        self._shelf.sent(
            Quick(found, image.status, target, request_id, asked, self.peername, took, image.size)
        )
        return True

    def _leave(self, image: Image, head: bytes, sent: int, transport: asyncio.Transport) -> None:
        """What the socket would not take at once is for the transport to send, as the client takes it."""
        start = max(0, sent - len(head))
        rest = image.rest(start)
        if len(rest) < image.size - start:
            transport.abort()  # half an answer must not look whole
        else:
            transport.writelines((head[sent:], rest))


def harmless(fields: bytes) -> Asked | None:
    """What a block of header fields says that ends with its empty line.

    ``None`` where there is anything but harmless fields, once each: then it is aiohttp's to read.
    """
    if len(fields) > _LONGEST or not _LINES.fullmatch(fields):
        return None
    found: dict[bytes, bytes] = {}
    for line in fields[:-4].split(b"\r\n"):
        name, colon, value = line.partition(b":")
        name = name.lower()
        if not colon or name not in _HARMLESS or name in found:
            return None
        found[name] = value.strip(b" ")
    if not _HOST.fullmatch(found.get(b"host", b"")):
        return None
    if found.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    wanted = found.get(b"range", b"")
    if wanted and not _RANGE.fullmatch(wanted):
        return None
    given = found.get(b"x-request-id", b"")
    said = b",".join([found[name] for name in _CMCD if name in found])
    request_id = given if REQUEST_ID.fullmatch(given) else b""
    return Asked(request_id, found.get(b"traceparent", b""), said, wanted)


def fixed(response: web.StreamResponse, but: Collection[str]) -> bytes:
    """The head of an answer that is being sent, without its empty line and without the fields of `but`, in lower case."""
    fields = [f"HTTP/1.1 {response.status} {response.reason}"]
    fields += [f"{name}: {value}" for name, value in response.headers.items() if name.lower() not in but]
    return "".join(f"{field}\r\n" for field in fields).encode("latin-1")


def _is_bare(data: bytes) -> bool:
    """Whether these bytes are one whole request without a body: after them, a parser is at the start of the next."""
    if not data.startswith((b"GET /", b"HEAD /")) or data.find(b"\r\n\r\n") != len(data) - 4:
        return False
    lower = data.lower()
    return not any(word in lower for word in _BODY)
