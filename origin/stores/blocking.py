"""A client library that blocks, behind the asynchronous `Client` of `origin.stores.remote`.

Every call runs in a pool of a few threads, which also bounds the connections. A cancelled write still runs to its end in its
thread: nobody can know whether the server had it already.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Protocol, TypeVar

from media.ports import ObjectInfo
from origin.stores.remote import CHUNK, CONNECTIONS
from origin.stores.threads import acquire

Result = TypeVar("Result")


class Stream(Protocol):
    def read(self, size: int) -> bytes: ...
    def close(self) -> None: ...


class BlockingClient(Protocol):
    """`origin.stores.remote.Client` in blocking calls, safe in several threads."""

    def head(self, name: str) -> ObjectInfo: ...

    def get(self, name: str, start: int, stop: int | None) -> Stream | None:
        """``None`` when the range begins behind the end."""

    def put(
        self, name: str, body: bytes, media_type: str, cache_control: str, condition: dict[str, str]
    ) -> ObjectInfo: ...
    def list(self, prefix: str) -> Iterator[ObjectInfo]: ...
    def delete(self, name: str) -> None: ...
    def close(self) -> None: ...


class Threaded:
    def __init__(self, client: BlockingClient) -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="store")

    async def head(self, name: str) -> ObjectInfo:
        return await self._run(lambda: self._client.head(name))

    async def get(self, name: str, start: int, stop: int | None) -> AsyncIterator[bytes]:
        stream = await acquire(self._pool, lambda: self._client.get(name, start, stop), _close)
        if stream is None:
            return
        try:
            while chunk := await self._run(lambda: stream.read(CHUNK)):
                yield chunk
        finally:
            stream.close()

    async def put(
        self, name: str, body: bytes, media_type: str, cache_control: str, condition: dict[str, str]
    ) -> ObjectInfo:
        return await self._run(lambda: self._client.put(name, body, media_type, cache_control, condition))

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        found = self._client.list(prefix)
        while batch := await self._run(lambda: [*islice(found, 1000)]):
            for info in batch:
                yield info

    async def delete(self, name: str) -> None:
        await self._run(lambda: self._client.delete(name))

    async def close(self) -> None:
        await asyncio.to_thread(self._pool.shutdown)
        self._client.close()

    async def _run(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


def _close(stream: Stream | None) -> None:
    if stream is not None:
        stream.close()
