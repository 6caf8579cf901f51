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

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from media.errors import ApiError, SettingsError, TonearmError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
access_log = logging.getLogger("tonearm.access")
error_log = logging.getLogger("tonearm.error")
_http_log = logging.getLogger("tonearm.http")  # what aiohttp's own protocol has to say

# RFC 9457 §3.1.1: an identifier, not a page; we own no domain to put one on. docs/api.md lists them.
PROBLEM_TYPE = "urn:tonearm:problem:"
REQUEST_ID = web.RequestKey("request_id", str)
TIMINGS = web.RequestKey("timings", dict[str, float])
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
# Signed stream URLs carry their token as a path segment, and so do links to shared playlists; a log line is no place for
# a credential, not even that of a request that went astray (``//t/…``).
_TOKEN = re.compile(r"(/t/|/v1/shared/)[^/]+")

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Age, Cache-Status, Content-Length, Content-Range, ETag, Server-Timing, X-Request-Id",
    "Timing-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range, X-Request-Id",
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
    request[TIMINGS] = {}
    status = 500
    response: web.StreamResponse | None = None
    try:
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            response = web.Response(status=204, headers=PREFLIGHT)
        else:
            response = await _answer(request, handler)
        status = response.status
        return response
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
    if timings := request.get(TIMINGS):
        spans = ", ".join(f"{name};dur={seconds * 1000:.2f}" for name, seconds in timings.items())
        response.headers["Server-Timing"] = spans


class Routes(list[web.AbstractRouteDef]):
    """Routes whose handlers need something that is opened before the first request and closed after the last.

    `lifetime` is such a context (aiohttp's ``cleanup_ctx``); `application` takes care of it.
    """

    def __init__(
        self,
        routes: Iterable[web.AbstractRouteDef],
        lifetime: Callable[[web.Application], AsyncIterator[None]],
    ) -> None:
        super().__init__(routes)
        self.lifetime = lifetime


def application(
    name: str, *route_tables: Iterable[web.AbstractRouteDef], client_max_size: int = 1 << 20
) -> web.Application:
    """An application over the given routes with the shared behaviour around them."""
    app = web.Application(middlewares=[_around], client_max_size=client_max_size)
    app.on_response_prepare.append(_decorate)
    for table in route_tables:
        app.add_routes(table)
        if isinstance(table, Routes):
            app.cleanup_ctx.append(table.lifetime)

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


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Serve `app` inside the block; yields the port (a free one when `port` is 0). Drains for 5 s on leaving."""
    # Nothing we accept is worth unpacking: a body stays as small as it came.
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_http_log,
        shutdown_timeout=5.0,
        handler_cancellation=True,
        auto_decompress=False,
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, reuse_port=False)
        try:
            await site.start()
        except OSError as error:
            reason = str(error.strerror or error).rpartition(": ")[2]  # asyncio repeats the address before it
            raise SettingsError(f"cannot listen on {host}:{port}: {reason}") from None
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def run(app: web.Application, host: str, port: int, *, ready: Callable[[int], None]) -> None:
    """Serve `app` until SIGINT or SIGTERM, then drain; `ready` hears the port once it is open."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with listening(app, host, port) as bound:
        ready(bound)
        await stop.wait()


class JsonLines(logging.Formatter):
    """One JSON object a line: the access log as machines read it."""

    FIELDS = ("method", "path", "status", "bytes", "ms", "request_id", "remote", "cache")

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": int(record.created * 1000),
            "level": record.levelname,
            "logger": record.name,
        }
        if record.name == access_log.name:
            line |= {name: getattr(record, name) for name in self.FIELDS if hasattr(record, name)}
        else:
            line["message"] = record.getMessage()
            if hasattr(record, "request_id"):
                line["request_id"] = record.request_id
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
