"""Answers that go out a piece at a time, while the object is still coming or because it is too large to hold."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Protocol

from aiohttp import web

from edge_sim.edge.answers import Part
from edge_sim.edge.objects import Head
from media.errors import UpstreamFailed


class Spoilt(Exception):
    """A disk has not got the bytes any more that it should have; the origin has."""


class Source(Protocol):
    """Where the bytes of an object come from: `came` of `length` are there, from the first on."""

    @property
    def head(self) -> Head: ...

    @property
    def length(self) -> int: ...

    @property
    def came(self) -> int: ...

    async def read(self, start: int, stop: int) -> bytes:
        """Some bytes from `start` on, at least one and none beyond `stop`. Raises `UpstreamFailed`, `Spoilt`."""


async def pieces(source: Source, start: int, stop: int) -> AsyncGenerator[bytes]:
    """``start … stop-1`` out of `source`, as they can be had."""
    while start < stop:
        piece = await source.read(start, stop)
        yield piece
        start += len(piece)


async def send(
    request: web.Request, part: Part, body: AsyncGenerator[bytes], sent: Callable[[int], None]
) -> web.StreamResponse:
    """Answer with `part`, whose bytes `body` has; `sent` hears of each piece. Raises what `body` raises while nothing is sent yet.

    What breaks off later breaks the listener's connection: half an answer must never look whole.
    """
    response = web.StreamResponse(status=part.status, headers=part.headers)
    response.content_length = part.stop - part.start
    async with aclosing(body):
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        piece = await anext(body, b"")
        await response.prepare(request)
        try:
            while piece:
                await response.write(piece)
                sent(len(piece))
                piece = await anext(body, b"")
        except UpstreamFailed as error:
            raise ConnectionResetError(str(error)) from None  # aiohttp then closes the listener's connection
    await response.write_eof()
    return response
