"""From what logs tell to what caches need: a number for each object, and how large it is.

A log has paths, and the bytes that were sent: all of an object with 200, a part with 206, none with 304. The size of an object is what its
last 200 sent, or, before there was one, what was sent instead. Other answers than these are no requests for an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import blake2b

_TOKEN = re.compile(r"^/t/[^/]+(?=/)")
_WRITTEN = re.compile(r"^/trace/([0-9a-f]{16})$", re.ASCII)
_OBJECT = (200, 206, 304)

Line = tuple[int, str, str, int, int]  # time in ms, method, path, status, bytes sent


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


def objects(lines: Iterable[Line]) -> Iterator[tuple[int, int, int]]:
    """Time, key and size of each request for an object."""
    whole: dict[int, int] = {}
    for time, method, path, status, sent in lines:
        if method != "GET" or status not in _OBJECT:
            continue
        key = named(path)
        if status == 200:
            whole[key] = sent
        yield time, key, whole.get(key, sent)
