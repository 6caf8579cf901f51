"""Requests at a fixed rate, whether answers come or not: the time of each counts from when it was due.

A closed loop (wrk) waits for a slow answer before it asks again, and so never measures the queue behind it. Loopback only.

    python -m benchmarks.open_loop http://127.0.0.1:8081/songs/… --rate 1500 --seconds 10
"""

from __future__ import annotations

import asyncio
import gc
import json
import time
from urllib.parse import urlsplit

import click
import uvloop

from benchmarks.loopback import require_loopback

CONNECTIONS = 64


class _Connection(asyncio.Protocol):
    """One request at a time; an answer ends where its Content-Length says."""

    def __init__(self, free: asyncio.LifoQueue[_Connection]) -> None:
        self._free = free
        self._head = b""
        self._left = -1
        self._done: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def ask(self, request: bytes) -> asyncio.Future[None]:
        self._done = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return self._done

    def data_received(self, data: bytes) -> None:
        if self._left < 0:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self._head.startswith(b"HTTP/1.1 200"):
                raise AssertionError(self._head[:200])
            at = self._head.lower().index(b"content-length:") + 15
            self._left = int(self._head[at : self._head.index(b"\r", at)]) - (len(self._head) - end - 4)
            self._head = b""
        else:
            self._left -= len(data)
        if self._left == 0:
            self._left = -1
            assert self._done is not None
            self._done.set_result(None)
            self._free.put_nowait(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError("the server closed a connection"))


async def measure(url: str, rate: int, seconds: int) -> list[int]:
    """Microseconds from due to done, one for each request."""
    parts = urlsplit(require_loopback(url))
    loop = asyncio.get_running_loop()
    free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        _, connection = await loop.create_connection(lambda: _Connection(free), parts.hostname, parts.port)
        free.put_nowait(connection)
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: open-loop\r\nX-Request-Id: 0123456789abcdef\r\n\r\n".encode()
    took: list[int] = []

    async def one(due: float) -> None:
        connection = await free.get()
        await connection.ask(request)
        took.append(int((time.perf_counter() - due) * 1e6))

    warm = rate // 2
    begin = time.perf_counter() + 0.05
    tasks = set()
    for number in range(rate * seconds + warm):
        due = begin + number / rate
        while (early := due - time.perf_counter()) > 0:  # noqa: ASYNC110 - it waits for a time, not for a state
            await asyncio.sleep(early if early > 0.002 else 0)
        task = loop.create_task(one(due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return took[warm:]


@click.command()
@click.argument("url")
@click.option("--rate", default=1500, show_default=True)
@click.option("--seconds", default=10, show_default=True)
def main(url: str, rate: int, seconds: int) -> None:
    """One JSON object: p50, p90, p99 and the longest, in microseconds."""
    gc.disable()
    took = sorted(uvloop.run(measure(url, rate, seconds)))
    points = {f"p{point}": took[min(len(took) - 1, len(took) * point // 100)] for point in (50, 90, 99)}
    click.echo(json.dumps({**points, "max": took[-1], "requests": len(took)}))


if __name__ == "__main__":
    main()
