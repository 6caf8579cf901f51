"""An origin for what a sibling owns: the owner is asked, and only when it is gone, what is behind us both.

To listeners the workers are one cache: what the owner says of itself in ``Cache-Status`` is taken off again, and `Arrival.lent` has it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import replace

import aiohttp
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from edge_sim.edge.fetch import Arrival, Origin, passed, question
from edge_sim.edge.forward import relay
from edge_sim.edge.objects import Head
from edge_sim.edge.siblings import SiblingGone, Siblings
from media.errors import UpstreamFailed, UpstreamTimeout


class Borrowing:
    """What `Origin` is, of `siblings` before `origin`."""

    def __init__(self, siblings: Siblings, origin: Origin) -> None:
        self._siblings = siblings
        self._origin = origin

    @asynccontextmanager
    async def ask(self, path: str, known: Head | None, request_id: str) -> AsyncIterator[Arrival]:
        """Like `Origin.ask`."""
        async with AsyncExitStack() as stack:
            try:
                if self._siblings.owns(path):
                    raise SiblingGone
                headers = question(known, request_id)
                response = await stack.enter_async_context(self._siblings.ask(path, headers))
            except SiblingGone:
                yield await stack.enter_async_context(self._origin.ask(path, known, request_id))
                return
            yield self._lent(path, known, request_id, response)

    async def forward(self, request: web.Request, path: str, status: str) -> web.StreamResponse:
        """Like `Origin.forward`. An owner with a disk may have what is too large for memory; then what it says of itself counts."""
        async with AsyncExitStack() as stack:
            try:
                if self._siblings.owns(path):
                    raise SiblingGone
                response = await stack.enter_async_context(
                    self._siblings.ask(path, passed(request), method=request.method)
                )
            except SiblingGone:
                return await self._origin.forward(request, path, status)
            return await relay(request, response, what=f"origin: {path}")

    def _lent(
        self, path: str, known: Head | None, request_id: str, response: aiohttp.ClientResponse
    ) -> Arrival:
        if response.status == 504:
            raise UpstreamTimeout(f"origin: {path}: no answer in time")
        arrival = self._origin.judge(path, known, response)
        upstream, _, own = response.headers.get("Cache-Status", "").rpartition(", ")
        lent = own.partition("; ")[2] or "fwd"
        if arrival.head is None:
            return replace(arrival, lent=lent)
        headers = CIMultiDict(arrival.head.headers)
        headers.popall("Cache-Status", None)
        if upstream:
            headers["Cache-Status"] = upstream
        head = replace(arrival.head, headers=CIMultiDictProxy(headers))
        body = arrival.body
        if body is not None and arrival.length is not None:
            body = self._mended(path, request_id, head, arrival.length, body)
        return replace(arrival, head=head, body=body, lent=lent)

    async def _mended(
        self, path: str, request_id: str, head: Head, length: int, body: AsyncGenerator[bytes]
    ) -> AsyncGenerator[bytes]:
        """`body`; and when the owner dies over it, the rest from behind, which has to be of the same object."""
        came = 0
        with suppress(UpstreamFailed):
            async with aclosing(body):
                async for chunk in body:
                    came += len(chunk)
                    yield chunk
        if came < length:
            async with aclosing(self._origin.rest(path, came, length, head.etag, request_id)) as rest:
                async for chunk in rest:
                    yield chunk
