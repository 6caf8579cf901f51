"""Answers that go out a piece at a time, while the object is still coming or because it is too large to hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Protocol

from aiohttp import web

from edge_sim.edge.answers import Part
from media.errors import UpstreamFailed


class Source(Protocol):
    """Where the bytes of an object come from."""

    async def read(self, start: int, stop: int) -> bytes:
        """Some bytes from `start` on, at least one and none beyond `stop`. Raises `UpstreamFailed`."""


async def pieces(source: Source, start: int, stop: int) -> AsyncIterator[bytes]:
    """``start … stop-1`` out of `source`, as they can be had."""
    while start < stop:
        piece = await source.read(start, stop)
        yield piece
        start += len(piece)


async def send(
    request: web.Request, part: Part, body: AsyncIterator[bytes], sent: Callable[[int], None]
) -> web.StreamResponse:
    """Answer with `part`, whose bytes `body` has; `sent` hears of each piece. Raises `UpstreamFailed` while nothing is sent yet.

    What breaks off later breaks the listener's connection: half an answer must never look whole.
    """
    response = web.StreamResponse(status=part.status, headers=part.headers)
    response.content_length = part.stop - part.start
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
