"""From a stored object to an answer: conditions, ranges, age. Pure functions of the request's headers."""

from __future__ import annotations

import re

from aiohttp import web
from multidict import CIMultiDict

from edge_sim.edge.objects import Whole
from edge_sim.edge.ranges import Unsatisfiable, one_range
from media.serving import problem

_ETAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LEFT_OUT_OF_304 = ("Content-Type", "Content-Encoding", "Content-Language", "Content-Disposition")


def answer(request: web.Request, found: Whole, *, now_ms: int, status: str) -> web.Response:
    """200, 206, 304 or 416 for `found`; `status` is the Cache-Status to send."""
    headers = CIMultiDict(found.headers)
    headers["Age"] = str(found.age(now_ms))
    headers["Cache-Status"] = status
    headers["Accept-Ranges"] = "bytes"
    if not_modified(request.headers.get("If-None-Match", ""), found.etag):
        for name in _LEFT_OUT_OF_304:  # RFC 9110 §15.4.5: no representation metadata but what guides caches
            headers.popall(name, None)
        return web.Response(status=304, headers=headers)
    size = len(found.body)
    try:
        wanted = _range(request, found, size)
    except Unsatisfiable:
        refusal = problem(416, "", f"the object has {size} bytes")
        refusal.headers["Content-Range"] = f"bytes */{size}"
        refusal.headers["Cache-Status"] = status
        return refusal
    if wanted is None:
        headers["Content-Length"] = str(size)  # said here, so that a HEAD says it too
        return web.Response(body=found.body, headers=headers)
    start, stop = wanted
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    return web.Response(status=206, body=found.body[start:stop], headers=headers)


def not_modified(if_none_match: str, etag: str) -> bool:
    """RFC 9110 §13.1.2, with the weak comparison of §8.8.3.2."""
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in _ETAG.findall(if_none_match)


def _range(request: web.Request, found: Whole, size: int) -> tuple[int, int] | None:
    """The range to send, if any: only GET knows ranges (§14.2), and If-Range wants exactly this object (§13.1.5)."""
    if request.method != "GET":
        return None
    if_range = request.headers.get("If-Range")
    if if_range is not None and (if_range != found.etag or if_range.startswith("W/")):
        return None
    return one_range(request.headers.get("Range", ""), size)
