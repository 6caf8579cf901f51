"""From an object to an answer: conditions, ranges, age. Pure functions of the request's headers."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import web
from multidict import CIMultiDict

from edge_sim.edge.objects import Head, Whole
from edge_sim.edge.ranges import Unsatisfiable, one_range
from media.serving import problem

_ETAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LEFT_OUT_OF_304 = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition")


@dataclass(frozen=True, slots=True)
class Part:
    """What to send of an object: bytes ``start … stop-1`` of it, under these headers."""

    status: int
    headers: CIMultiDict[str]
    start: int
    stop: int


def part(request: web.Request, head: Head, size: int, *, now_ms: int, status: str) -> Part | web.Response:
    """200 or 206 of an object of `size` bytes, or 304 or 416, which need none of them; `status` is the Cache-Status to send."""
    headers = CIMultiDict(head.headers)
    headers["Age"] = str(head.age(now_ms))
    headers["Cache-Status"] = status
    headers["Accept-Ranges"] = "bytes"
    if not_modified(request.headers.get("If-None-Match", ""), head.etag):
        for name in _LEFT_OUT_OF_304:  # RFC 9110 §15.4.5: no representation metadata but what guides caches
            headers.popall(name, None)
        return web.Response(status=304, headers=headers)
    try:
        wanted = _range(request, head, size)
    except Unsatisfiable:
        refusal = problem(416, "", f"the object has {size} bytes")
        refusal.headers["Content-Range"] = f"bytes */{size}"
        refusal.headers["Cache-Status"] = status
        return refusal
    if wanted is None:
        headers["Content-Length"] = str(size)  # said here, so that a HEAD says it too
        return Part(200, headers, 0, size)
    start, stop = wanted
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return Part(206, headers, start, stop)


def answer(request: web.Request, found: Whole, *, now_ms: int, status: str) -> web.Response:
    """The answer out of memory: 200, 206, 304 or 416."""
    wanted = part(request, found, len(found.body), now_ms=now_ms, status=status)
    if isinstance(wanted, web.Response):
        return wanted
    body = found.body[wanted.start : wanted.stop]  # of the whole no copy: bytes are immutable
    return web.Response(status=wanted.status, body=body, headers=wanted.headers)


def not_modified(if_none_match: str, etag: str) -> bool:
    """RFC 9110 §13.1.2, with the weak comparison of §8.8.3.2."""
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in _ETAG.findall(if_none_match)


def _range(request: web.Request, head: Head, size: int) -> tuple[int, int] | None:
    """The range to send, if any: only GET knows ranges (§14.2), and If-Range wants exactly this object (§13.1.5)."""
    if request.method != "GET":
        return None
    if_range = request.headers.get("If-Range")
    if if_range is not None and (if_range != head.etag or if_range.startswith("W/")):
        return None
    return one_range(request.headers.get("Range", ""), size)
