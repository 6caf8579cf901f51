"""Sending an object: whole, in part or in parts, a chunk at a time, and never something else behind half of it.

A store's failure before the first byte is a problem document; after it, the connection is broken off, because there is no
other way left to say that the body is not whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from aiohttp import web

from media.errors import ObjectMissing, StoreError, StoreUnavailable, TonearmError
from media.serving import error_log, timing
from origin import cmcd
from origin.ranges import Multipart

Read = Callable[[int, int], AsyncIterator[bytes]]
LEFT = 499  # what nginx calls a client that closed the connection first
_SLOWEST_S = 60.0  # a client that takes no byte for so long is gone, or means ill


class BrokenOff(Exception):
    """The answer ended in its middle: `status` is what it would have been, had we known before."""

    def __init__(self, response: web.StreamResponse, status: int) -> None:
        super().__init__(status)
        self.response = response
        self.status = status


async def pieces(body: bytes, start: int, stop: int) -> AsyncIterator[bytes]:
    yield body[start:stop]


async def framed(multipart: Multipart, read: Read) -> AsyncIterator[bytes]:
    for head, span in multipart.parts():
        yield head
        async with aclosing(read(span.start, span.stop)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk
    yield multipart.end


async def send(
    request: web.Request, status: int, headers: dict[str, str], length: int, body: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Stream `body`, which must have `length` bytes, chunk by chunk."""
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = length
    response.headers["CMSD-Dynamic"] = cmcd.dynamic(0)
    if request.method == "HEAD":
        await response.prepare(request)
        return response
    async with aclosing(body) as chunks:  # type: ignore[type-var]
        started = time.perf_counter()
        try:
            chunk = await anext(chunks, b"")  # the store may still say no, with a status
        except StoreError as error:
            raise public(error, request.path[1:]) from None
        taken = time.perf_counter() - started
        timing(request, "read", taken)
        response.headers["CMSD-Dynamic"] = cmcd.dynamic(int(taken * 1000))
        await response.prepare(request)
        left = length
        try:
            while chunk:
                left -= len(chunk)
                async with asyncio.timeout(_SLOWEST_S):
                    await response.write(chunk)
                chunk = await anext(chunks, b"")
            if left:
                raise StoreUnavailable(f"{left} of {length} bytes are missing")
        except (ConnectionError, TimeoutError):
            if request.transport is not None:
                request.transport.abort()
            raise BrokenOff(response, LEFT) from None
        except Exception as error:
            # Another answer must never follow half of this one, whatever went wrong.
            if isinstance(error, TonearmError):
                error_log.error("%s: broken off: %s", request.path, error)
            else:
                error_log.exception("%s: broken off", request.path)
            if request.transport is not None:
                request.transport.abort()
            raise BrokenOff(response, error.status if isinstance(error, TonearmError) else 500) from None
    await response.write_eof()
    return response


def public(error: StoreError, key: str) -> StoreError:
    """The same kind of error without the store's address, prefix and troubles: those are for the log."""
    if isinstance(error, ObjectMissing):
        return ObjectMissing(f"/{key}: no such object")
    error_log.error("%s", error)
    return StoreUnavailable(f"/{key}: the store is not available")
