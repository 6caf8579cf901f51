"""A body on its way: its head and its length are known, its bytes grow, and many read it, each at their own pace.

The bytes are kept once, whoever reads them: a listener on a slow line costs what lies in its socket and no more, and holds up
neither the download nor anybody else. Who comes late begins at the first byte.
"""

from __future__ import annotations

import asyncio

from edge_sim.edge.objects import Head, Whole
from edge_sim.edge.streaming import Spoilt
from media.errors import UpstreamFailed

PIECE = 64 * 1024  # bytes to hand out at once: what aiohttp puts into a connection before it waits


class Download:
    """`came` bytes of `length` are there. `head` holds for all of it, and `landed` is all of it, at the end."""

    def __init__(self, head: Head, length: int) -> None:
        self.head = head
        self.length = length
        self.came = 0
        self.landed: Whole | None = None
        self._body: bytearray | bytes = bytearray()
        self._failure: UpstreamFailed | Spoilt | None = None
        self._news = asyncio.Event()

    async def read(self, start: int, stop: int) -> bytes:
        """Some bytes from `start` on, none beyond `stop`, as soon as there are any. Raises `UpstreamFailed` or `Spoilt` when none will come."""
        await self._more(start)
        return await self._some(start, min(stop, self.came))

    async def all(self) -> Whole:
        """The whole of it, when it is there. Raises `UpstreamFailed`."""
        while self.came < self.length:
            await self._more(self.came)
        return self.land()

    def grow(self, data: bytes) -> None:
        """More has come, at most what was announced."""
        assert isinstance(self._body, bytearray)
        self._body += data
        self.came += len(data)
        self._tell()

    def land(self) -> Whole:
        """All has come: from now on memory has it once, here and in the cache."""
        if self.landed is None:
            self._body = bytes(self._body)
            self.landed = Whole(self.head.headers, self.head.born_ms, self.head.freshness, self._body)
        return self.landed

    def fail(self, error: UpstreamFailed | Spoilt) -> None:
        """No more will come: half an answer must not look whole to anybody."""
        self._failure = error
        self._tell()

    async def _some(self, start: int, stop: int) -> bytes:
        return bytes(self._body[start : min(stop, start + PIECE)])

    async def _more(self, than: int) -> None:
        while self.came <= than:
            if self._failure is not None:
                raise self._failure
            await self._news.wait()

    def _tell(self) -> None:
        self._news.set()  # wakes all who wait now, and nobody who comes later
        self._news.clear()
