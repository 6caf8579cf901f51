"""From what logs tell to what caches need: a number for each object, and how large it is.

A log has paths, and the bytes that were sent: all of an object with 200, a part with 206, none with 304. The size of an object is what its
last 200 sent, or, before there was one, what was sent instead. Other answers than these are no requests for an object, and what an edge passes on to the API is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from edge_sim.simulator.requests import BUNDLE, Row

_TOKEN = re.compile(r"^/t/[^/]+(?=/)")
_WRITTEN = re.compile(r"^/trace/([0-9a-f]{16})$", re.ASCII)
_OBJECT = (200, 206, 304)

_NO_OBJECT = re.compile(r"^/(?:v1|licence|keys)/|^/(?:healthz|metrics|verify)$")
_FIRST = (
    "/00001.m4s"  # `media.layout.segment`, of any rendition; where one is a single file, a log does not tell
)
_BUNDLE = re.compile(r"^/v1/songs/[^/]+/start$")

Line = tuple[int, str, str, int, int, str]  # time in ms, method, path, status, bytes sent, region or nothing


def written(key: int) -> str:
    """The path that stands for a number in a log that we write; `named` gives the number again."""
    return f"/trace/{key:016x}"


def named(name: str) -> int:
    """64 bits for a name: a number stands for itself, a path for its hash, without token and query."""
    if name.isascii() and name.isdigit() and int(name) < 1 << 64:
        return int(name)
    path = _TOKEN.sub("", name.partition("?")[0])
    if match := _WRITTEN.match(path):
        return int(match[1], 16)
    return int.from_bytes(blake2b(path.encode(), digest_size=8).digest(), "big")


def starting(path: str) -> int:
    """What a request for `path` is to a start: 0 where one waits for it, because it is a first segment; `BUNDLE`, or -1 for all others."""
    if path.endswith(_FIRST):
        return 0
    return BUNDLE if _BUNDLE.search(path) else -1


def objects(lines: Iterable[Line]) -> Iterator[Row]:
    """Each request for an object, and each start bundle."""
    whole: dict[int, int] = {}
    for time, method, target, status, sent, region in lines:
        if method != "GET" or status not in _OBJECT:
            continue
        path = _TOKEN.sub("", target.partition("?")[0])
        start = starting(path)
        if start != BUNDLE and _NO_OBJECT.search(path):
            continue
        key = named(target)
        if status == 200:
            whole[key] = sent
        yield time, key, whole.get(key, sent), region, start
