"""Content codings of manifests: RFC 9110 §8.4 and §12.5.3.

    >>> choose("gzip;q=0.5, br")
    'br'

A manifest is coded once, when the first player asks for that coding, and kept: it never changes. Each coding is a
representation of its own with a strong ETag of its own (§8.8.3.3). Brotli, zstd (where Python or a library has it) and gzip.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable
from dataclasses import replace

import brotli

from media.ports import ObjectInfo

SMALLEST, LARGEST = 200, 1 << 20  # bytes: what is smaller gains nothing, what is larger is no manifest
TYPES = frozenset({"application/vnd.apple.mpegurl", "application/dash+xml", "application/json"})
_KEPT = 32 << 20  # bytes, identity and codings together
_ELEMENT = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*;[ \t]*[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*"
)


def _zstd() -> Callable[[bytes], bytes] | None:
    """Python 3.14 has it, a library brings it to those before; without either it is not offered."""
    for module in ("compression.zstd", "backports.zstd"):
        try:
            compress = __import__(module, fromlist=["compress"]).compress
        except ImportError:
            continue
        return lambda body: bytes(compress(body, 12))
    return None


# In the order of preference among those that a client likes equally.
CODINGS: dict[str, Callable[[bytes], bytes]] = {"br": lambda body: brotli.compress(body, quality=9)}
if (_compress := _zstd()) is not None:
    CODINGS["zstd"] = _compress
CODINGS["gzip"] = lambda body: gzip.compress(body, 9, mtime=0)


def choose(accepted: str) -> str:
    """The coding for a request's Accept-Encoding; empty for none. What cannot be read is not accepted."""
    weights: dict[str, float] = {}
    for element in accepted.split(",", 32)[:32]:
        if match := _ELEMENT.fullmatch(element):
            weights.setdefault(match[1].lower(), float(match[2] or 1))
    if "x-gzip" in weights:  # §8.4.1.3
        weights.setdefault("gzip", weights["x-gzip"])
    rest = weights.get("*", 0.0)
    best = max(CODINGS, key=lambda name: weights.get(name, rest))  # the first of equals
    weight = weights.get(best, rest)
    # Identity is acceptable unless it is refused, and no better than a coding that was asked for (§12.5.3).
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def is_text(info: ObjectInfo) -> bool:
    return info.media_type in TYPES and info.size <= LARGEST


def coded(info: ObjectInfo, coding: str, body: bytes) -> ObjectInfo:
    """The description of a coded representation."""
    if not coding:
        return info
    return replace(info, etag=f'{info.etag[:-1]}-{coding}"', size=len(body))


class Manifests:
    """Immutable manifests by key and ETag, as they are and coded; the ones used last, up to a total of bytes."""

    def __init__(self, budget: int = _KEPT) -> None:
        self._budget = budget
        self._held: dict[tuple[str, str, str], bytes] = {}
        self._coding: dict[tuple[str, str, str], asyncio.Task[bytes]] = {}
        self.size = 0

    def get(self, info: ObjectInfo, coding: str = "") -> bytes | None:
        name = (info.key, info.etag, coding)
        body = self._held.pop(name, None)
        if body is not None:
            self._held[name] = body
        return body

    def keep(self, info: ObjectInfo, coding: str, body: bytes) -> None:
        name = (info.key, info.etag, coding)
        self.size += len(body) - len(self._held.pop(name, b""))
        self._held[name] = body
        while self.size > self._budget:
            self.size -= len(self._held.pop(next(iter(self._held))))

    async def code(self, info: ObjectInfo, coding: str, body: bytes) -> bytes:
        """`body` in `coding`, once however many ask at the same time."""
        known = self.get(info, coding)
        if known is not None:
            return known
        name = (info.key, info.etag, coding)
        task = self._coding.get(name)
        if task is None:
            task = self._coding[name] = asyncio.create_task(asyncio.to_thread(CODINGS[coding], body))
            task.add_done_callback(lambda _: self._coding.pop(name, None))
        done = await asyncio.shield(task)
        self.keep(info, coding, done)
        return done
