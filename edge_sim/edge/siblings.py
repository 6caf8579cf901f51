"""The other workers of one edge: who owns a path, how an owner is asked, and how all of them are told something.

    siblings = Siblings(folder, number=0, count=4)          # in each worker, with a folder that is theirs alone
    async with siblings.opened(lend):                       # lend(request, path) answers for what this worker owns
        async with siblings.ask("songs/…", headers) as response: ...
        siblings.listen("purge", forget)
        await siblings.broadcast("purge", b"songs/…")       # everybody's answer, ours first

They speak HTTP over sockets in that folder. Every path has one owner, so that identical misses of several workers still are one fetch at the origin. A
sibling that is dying or not there yet is nobody's error: `ask` raises `SiblingGone`, and who asked helps itself.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web

from edge_sim.edge.disk.format import SHARDS, shard_of
from media.serving import REQUEST_ID

# An owner may have to wait for the origin itself (`edge_sim.edge.upstream`), so it gets longer.
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=15)
# What an owner says of an object; else it is in trouble.
_ANSWERS = frozenset({200, 206, 304, 404, 410, 416, 502, 504})

Lend = Callable[[web.Request, str], Awaitable[web.StreamResponse]]
Handler = Callable[[bytes], Awaitable[bytes]]


class SiblingGone(Exception):
    """It does not answer, or not as an owner should."""


def owner(path: str, count: int) -> int:
    """Which of `count` workers owns `path`; the same in every process and every run."""
    return shard_of(path) % count


def shards_of(number: int, count: int) -> range:
    """The shards of a disk that go with what worker `number` of `count` owns."""
    return range(number, SHARDS, count)


class Siblings:
    """`folder` must be of mode 0700: whoever can reach a socket in it gets objects without a token."""

    def __init__(self, folder: Path, *, number: int, count: int) -> None:
        self._folder = folder
        self._number = number
        self.count = count
        self._handlers: dict[str, Handler] = {}
        self._sessions: list[aiohttp.ClientSession] = []

    def owns(self, path: str) -> bool:
        return owner(path, self.count) == self._number

    @asynccontextmanager
    async def opened(self, lend: Lend) -> AsyncIterator[None]:
        """Inside the block, siblings are asked and answered."""
        async with AsyncExitStack() as stack:
            self._sessions = [
                await stack.enter_async_context(_session(self._socket(number)))
                for number in range(self.count)
            ]
            runner = web.AppRunner(self._application(lend), access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            socket = self._socket(self._number)
            socket.unlink(missing_ok=True)  # of who was this worker before
            await web.UnixSite(runner, str(socket), backlog=1024).start()
            yield

    @asynccontextmanager
    async def ask(
        self, path: str, headers: Mapping[str, str], *, method: str = "GET"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask `path` of its owner: 200, 206, 304, 404, 410, 416, or that the origin failed it, 502 and 504. Raises `SiblingGone` before the block only."""
        session = self._sessions[owner(path, self.count)]
        try:
            response = await session.request(
                method, f"http://sibling/{path}", headers=headers, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError, TimeoutError):
            raise SiblingGone from None
        async with response:
            if response.status not in _ANSWERS:
                raise SiblingGone
            yield response

    def listen(self, name: str, handler: Handler) -> None:
        """`handler` answers what is broadcast under `name`, here as in every worker."""
        self._handlers[name] = handler

    async def broadcast(self, name: str, message: bytes) -> list[bytes]:
        """Everybody's answer to `message`, ours first. Who does not answer is left out: fewer answers than `count` mean that somebody may not have heard."""
        others = [number for number in range(self.count) if number != self._number]
        told = await asyncio.gather(*(self._tell(number, name, message) for number in others))
        return [await self._handlers[name](message), *(answer for answer in told if answer is not None)]

    async def _tell(self, number: int, name: str, message: bytes) -> bytes | None:
        try:
            body = io.BytesIO(message)  # which is sent a piece at a time, however large it is
            async with self._sessions[number].post(f"http://sibling/-/{name}", data=body) as response:
                return await response.read() if response.status == 200 else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    def _application(self, lend: Lend) -> web.Application:
        async def lent(request: web.Request) -> web.StreamResponse:
            request[REQUEST_ID] = request.headers.get("X-Request-Id", "")
            return await lend(request, request.match_info["path"])

        async def told(request: web.Request) -> web.Response:
            handler = self._handlers.get(request.match_info["name"])
            if handler is None:
                raise web.HTTPNotFound
            return web.Response(body=await handler(await request.read()))

        app = web.Application(
            client_max_size=0
        )  # no limit: what siblings hand on was measured at their doors
        app.add_routes([web.get("/{path:songs/.+}", lent), web.post("/-/{name}", told)])
        return app

    def _socket(self, number: int) -> Path:
        return self._folder / str(number)


def _session(socket: Path) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # Streams go at their listeners' pace: any limit is one that slow ones could use up.
        connector=aiohttp.UnixConnector(str(socket), limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_TIMEOUT,
        auto_decompress=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
    )
