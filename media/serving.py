"""What our three aiohttp servers share: problem+json, request ids, access log, Server-Timing, CORS, a clean stop.

The origin, the edge and the control API each export ``routes(...)`` with absolute paths; `application` turns
one or several of those into an `aiohttp.web.Application`. Handlers raise errors of `media.errors` (or aiohttp's
own HTTP exceptions) and never build an error body themselves.

    app = application("origin", origin.app.routes(store))
    await run(app, "127.0.0.1", 8080, ready=announce)

See docs/decisions/0004 for why a leaf module knows aiohttp.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Protocol

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from media import tracing
from media.errors import ApiError, SettingsError, TonearmError
from media.fast_path import FastHandler, Shelf
from media.tls import Tls
from media.tracing import current, follow

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
access_log = logging.getLogger("tonearm.access")
error_log = logging.getLogger("tonearm.error")
_http_log = logging.getLogger("tonearm.http")  # what aiohttp's own protocol has to say

# RFC 9457 §3.1.1: an identifier, not a page; we own no domain to put one on. docs/api.md lists them.
PROBLEM_TYPE = "urn:tonearm:problem:"
REQUEST_ID = web.RequestKey("request_id", str)
TIMINGS = web.RequestKey("timings", dict[str, float])
LOGGED = web.RequestKey(
    "logged", dict[str, object]
)  # what a handler adds to the request's line in the access log
KEEPALIVE_S = 75.0  # how long a connection may idle, and how long a request's head may take to come
_HANDSHAKE_S = 10.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
# Signed stream URLs carry their token as a path segment, and so do links to shared playlists; a log line is no place for
# a credential, not even that of a request that went astray (``//t/…``).
_TOKEN = re.compile(r"(/t/|/v1/shared/)[^/]+")

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Age, CMSD-Dynamic, CMSD-Static, Cache-Status, Content-Length, Content-Range, ETag, Server-Timing, X-Request-Id",
    "Timing-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status, Content-Type, If-Match, If-None-Match, If-Range, Range, X-Request-Id, traceparent, tracestate",
    "Access-Control-Max-Age": "86400",
}


def problem(
    status: int, slug: str, detail: str, instance: str = "", members: Mapping[str, object] | None = None
) -> web.Response:
    """An RFC 9457 answer. `slug` ends the ``type`` URI; ``about:blank`` when it is empty. `members` extend it."""
    document: dict[str, object] = {
        "type": PROBLEM_TYPE + slug if slug else "about:blank",
        "title": slug.replace("-", " ").capitalize() if slug else HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if instance:
        document["instance"] = instance
    document |= members or {}
    return web.Response(
        status=status,
        body=json.dumps(document).encode(),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )


def timing(request: web.Request, name: str, seconds: float) -> None:
    """Add a span to the answer's Server-Timing header (W3C Server Timing)."""
    timings = request.get(TIMINGS)
    if timings is not None:
        timings[name] = timings.get(name, 0.0) + seconds


@web.middleware
async def _around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One request: an id, errors as problem+json, CORS, Server-Timing, one structured log line."""
    started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID] = request_id
    tracing.request_id.set(request_id)
    request[TIMINGS] = {}
    logged = request[LOGGED] = {}
    trace = follow(request.headers.get("traceparent", ""))
    if trace is not None:
        current.set(trace.traceparent())
        logged["trace"] = trace.trace_id
    status = 500
    response: web.StreamResponse | None = None
    try:
        if request.version == HttpVersion11 and len(request.headers.getall("Host", ())) != 1:
            # RFC 9112 §3.2: whoever reads another one of two hosts than we do could be led astray.
            response = problem(400, "", "one Host field, neither none nor several")
        elif request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = web.Response(status=204, headers=PREFLIGHT)
        else:
            response = await _answer(request, handler)
        status = response.status
        return response
    except (asyncio.CancelledError, ConnectionResetError):
        status = 499  # the client closed the connection first; the number is nginx's
        raise
    finally:
        path = _TOKEN.sub(r"\1…", request.path)
        access_log.info(
            "%s %s %d",
            request.method,
            path,
            status,
            extra={
                "method": request.method,
                "path": path,
                "status": status,
                "bytes": getattr(response, "content_length", None) or 0,
                "ms": round((time.perf_counter() - started) * 1000, 3),
                "request_id": request_id,
                "remote": request.remote or "",
                "cache": response.headers.get("Cache-Status", "") if response is not None else "",
                **logged,
            },
        )


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except TonearmError as error:
        if error.status >= 500:
            error_log.error("%s: %s", type(error).__name__, error, extra={"request_id": request[REQUEST_ID]})
        api = error if isinstance(error, ApiError) else ApiError(error.status, error.slug, str(error))
        answer = problem(api.status, api.slug, str(api), _TOKEN.sub(r"\1…", request.path), api.members)
        answer.headers.update(api.headers)
        if api.status == 503:
            answer.headers.setdefault("Retry-After", "1")
        return answer
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answer = problem(error.status, "", error.reason)
        if "Allow" in error.headers:
            answer.headers["Allow"] = error.headers["Allow"]
        return answer
    except (asyncio.CancelledError, ConnectionResetError):
        raise
    except Exception:
        error_log.exception("unexpected", extra={"request_id": request[REQUEST_ID]})
        return problem(500, "internal", "an unexpected error; the server's log has it under the request id")


async def _decorate(request: web.Request, response: web.StreamResponse) -> None:
    """Headers that must be there before the first byte goes out, streamed answers included."""
    for name, value in CORS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
    if request.app[STATE].draining:
        response.force_close()
        response.headers["Connection"] = (
            "close"  # RFC 9112 §9.6; aiohttp has made up its mind about the field by now
        )
    if timings := request.get(TIMINGS):
        spans = ", ".join(f"{name};dur={seconds * 1000:.2f}" for name, seconds in timings.items())
        response.headers["Server-Timing"] = spans


class Door(Protocol):
    """Somebody who counts connections. A `peer` is what the socket says of the other end, ``(address, port, …)`` over IP."""

    def opened(self, peer: Any) -> None: ...

    def closed(self, peer: Any) -> None: ...


class Routes(list[web.AbstractRouteDef]):
    """Routes whose handlers need something that is opened before the first request and closed after the last.

    `lifetime` is such a context (aiohttp's ``cleanup_ctx``); `application` takes care of it. `shelf` is what the
    fast path may answer from (`media.fast_path`), `door` hears who connects.
    """

    def __init__(
        self,
        routes: Iterable[web.AbstractRouteDef],
        lifetime: Callable[[web.Application], AsyncIterator[None]],
        shelf: Shelf | None = None,
        door: Door | None = None,
    ) -> None:
        super().__init__(routes)
        self.door = door
        self.lifetime = lifetime
        self.shelf = shelf


class State:
    """What is so of a server as a whole."""

    def __init__(self) -> None:
        self.draining = False
        self.shelf: Shelf | None = None
        self.door: Door | None = None

    def drain(self) -> None:
        """From now on every answer closes its connection."""
        self.draining = True
        if self.shelf is not None:
            self.shelf.resting = True


STATE = web.AppKey("state", State)


def application(
    name: str, *route_tables: Iterable[web.AbstractRouteDef], client_max_size: int = 1 << 20
) -> web.Application:
    """An application over the given routes with the shared behaviour around them."""
    app = web.Application(middlewares=[_around], client_max_size=client_max_size)
    app.on_response_prepare.append(_decorate)
    app[STATE] = State()
    for table in route_tables:
        app.add_routes(table)
        if isinstance(table, Routes):
            app.cleanup_ctx.append(table.lifetime)
            if table.shelf is not None:
                app[STATE].shelf = table.shelf
            if table.door is not None:
                app[STATE].door = table.door

    async def name_server(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = f"tonearm-{name}"

    app.on_response_prepare.append(name_server)
    return app


def _unreadable(record: logging.LogRecord) -> bool:
    """A logging filter. What cannot be parsed as HTTP is its sender's trouble: a line in the access log, no traceback.

    aiohttp would quote the bytes, and they may hold a token, a session or whatever else a log must not.
    """
    error = record.exc_info[1] if record.exc_info else None
    if not isinstance(error, HttpProcessingError):
        return True
    remote = str(record.args[0]) if isinstance(record.args, tuple) and record.args else ""
    access_log.info("unreadable request", extra={"status": error.code, "remote": remote})
    return False


_http_log.addFilter(_unreadable)


class _Clear:
    """What aiohttp answers by itself, where a request cannot even be read: a problem document, and nothing of what came."""

    def handle_error(self, *arguments: Any, **options: Any) -> web.StreamResponse:
        status = int(super().handle_error(*arguments, **options).status)  # type: ignore[misc]
        refusal = problem(status, "", "the request cannot be read as HTTP" if status == 400 else "")
        refusal.headers["Server"] = "tonearm"
        refusal.force_close()
        return refusal


class _Counted(_Clear):
    """`door` hears when the connection begins and ends."""

    door: Door | None = None
    peer: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[misc]
        if self.door is not None:
            self.peer = transport.get_extra_info("peername")
            self.door.opened(self.peer)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self.door is not None:
            self.door.closed(self.peer)
        super().connection_lost(exc)  # type: ignore[misc]


class _Handler(_Counted, web.RequestHandler):
    __slots__ = ()


class _FastHandler(_Counted, FastHandler):
    __slots__ = ()


@asynccontextmanager
async def listening(
    app: web.Application,
    host: str,
    port: int,
    *,
    shared: bool = False,
    drain_s: float = 0.0,
    tls: Tls | None = None,
) -> AsyncIterator[int]:
    """Serve `app` inside the block; yields the port (a free one when `port` is 0).

    `shared` lets other processes listen there too (SO_REUSEPORT). On leaving, answers close their connections for `drain_s` seconds, unless all
    have gone before; then nothing new is accepted, and what is being answered has 5 s to end.
    """
    options: dict[str, Any] = {
        "access_log": None,
        "logger": _http_log,
        "auto_decompress": False,  # nothing we accept is worth unpacking: a body stays as small as it came
        "keepalive_timeout": KEEPALIVE_S,
    }
    runner = web.AppRunner(app, shutdown_timeout=5.0, handler_cancellation=True, **options)
    await runner.setup()
    try:
        assert runner.server is not None
        loop, server, state = asyncio.get_running_loop(), runner.server, app.get(STATE) or State()
        shelf = state.shelf

        def protocol() -> asyncio.Protocol:
            if tls is not None:
                tls.refresh()
            handler: _Handler | _FastHandler
            if shelf is None:
                handler = _Handler(server, loop=loop, **options)
            else:
                handler = _FastHandler(server, shelf, loop=loop, **options)
            handler.door = state.door
            return handler

        try:
            listener = await loop.create_server(
                protocol,
                host,
                port,
                backlog=1024,
                reuse_port=shared or None,
                ssl=tls.context if tls is not None else None,
                ssl_handshake_timeout=_HANDSHAKE_S if tls is not None else None,
            )
        except OSError as error:
            reason = str(error.strerror or error).rpartition(": ")[2]  # asyncio repeats the address before it
            raise SettingsError(f"cannot listen on {host}:{port}: {reason}") from None
        try:
            yield int(listener.sockets[0].getsockname()[1])
            state.drain()
            end = loop.time() + drain_s
            while server.connections and loop.time() < end:  # noqa: ASYNC110 - aiohttp tells nobody when the last one goes
                await asyncio.sleep(0.02)
        finally:
            state.drain()
            listener.close()
    finally:
        await runner.cleanup()


async def run(
    app: web.Application,
    host: str,
    port: int,
    *,
    ready: Callable[[int], None],
    shared: bool = False,
    drain_s: float = 0.0,
    lifeline: int | None = None,
    tls: Tls | None = None,
) -> None:
    """Serve `app` until SIGINT or SIGTERM, then drain; `ready` hears the port once it is open.

    The end of the pipe `lifeline` is a signal too: the process that held its other end has died.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if lifeline is not None:
        loop.add_reader(lifeline, stop.set)
    async with listening(app, host, port, shared=shared, drain_s=drain_s, tls=tls) as bound:
        ready(bound)
        await stop.wait()
        if lifeline is not None:
            loop.remove_reader(lifeline)


class JsonLines(logging.Formatter):
    """One JSON object a line: the access log as machines read it."""

    FIELDS = ("method", "path", "status", "bytes", "ms", "request_id", "remote", "cache", "trace", "cmcd")

    def format(self, record: logging.LogRecord) -> str:
        if hasattr(record, "lines"):  # of `media.access_lines`, ready as they are
            return str(record.lines)
        line: dict[str, object] = {
            "time": int(record.created * 1000),
            "level": record.levelname,
            "logger": record.name,
        }
        if record.name == access_log.name:
            line |= {name: getattr(record, name) for name in self.FIELDS if hasattr(record, name)}
        else:
            line["message"] = record.getMessage()
            if request_id := getattr(record, "request_id", "") or tracing.request_id.get():
                line["request_id"] = request_id
            if record.exc_info:
                line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def log_json_lines(*, access: bool) -> None:
    """Send our logs to standard error as JSON lines: errors always, one line a request with `access`."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("tonearm")
    logger.handlers, logger.propagate = [handler], False
    access_log.setLevel(logging.INFO if access else logging.WARNING)
