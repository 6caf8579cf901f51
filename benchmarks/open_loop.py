"""Requests at moments that are fixed beforehand, whether answers come or not: the time of each counts from when it was due.

A closed loop (wrk, locust) waits for a slow answer before it asks again, and so never measures the queue behind it. Loopback only.

    python -m benchmarks.open_loop http://127.0.0.1:8081/songs/… --rate 1500 --seconds 10
    python -m benchmarks.open_loop - --poisson --points points.json < addresses.txt    # one of many at random each time

`from_sent` is what a closed loop would have said of the same requests: from when a connection was free for it. `late` is the generator's own fault, by how
much it came too late to a due moment; with milliseconds of that, believe nothing. (Its use of a core says nothing: before a due moment it spins.)
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import uvloop

from benchmarks.loopback import require_loopback

CONNECTIONS = 64
POINTS = (50.0, 90.0, 99.0, 99.9)


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


@dataclass
class Measured:
    """Microseconds, one for each request: from due to done, from sent to done, and from due to when the generator came to it."""

    from_due: list[int] = field(default_factory=list)
    from_sent: list[int] = field(default_factory=list)
    late: list[int] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        return {
            **quantiles(self.from_due),
            "max": max(self.from_due),
            "requests": len(self.from_due),
            "from_sent": quantiles(self.from_sent),
            "late": quantiles(self.late),
        }


def quantiles(took: Sequence[int]) -> dict[str, int]:
    """``p50`` to ``p99.9``."""
    ordered = sorted(took)
    return {
        f"p{point:g}": ordered[min(len(ordered) - 1, int(len(ordered) * point / 100))] for point in POINTS
    }


async def measure(urls: Sequence[str], due: Sequence[float], warm: int) -> Measured:
    """Ask for `urls`, in turn, at `due` seconds from the beginning; the first `warm` do not count. All are of one server."""
    parts = [urlsplit(require_loopback(url)) for url in urls]
    loop = asyncio.get_running_loop()
    free: asyncio.LifoQueue[_Connection] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        _, connection = await loop.create_connection(
            lambda: _Connection(free), parts[0].hostname, parts[0].port
        )
        free.put_nowait(connection)
    requests = [
        f"GET {each.path} HTTP/1.1\r\nHost: {each.netloc}\r\nUser-Agent: open-loop\r\nX-Request-Id: 0123456789abcdef\r\n\r\n".encode()
        for each in parts
    ]
    measured = Measured()

    async def one(number: int, moment: float, late: float) -> None:
        connection = await free.get()
        sent = time.perf_counter()
        await connection.ask(requests[number % len(requests)])
        done = time.perf_counter()
        if number >= warm:
            measured.from_due.append(int((done - moment) * 1e6))
            measured.from_sent.append(int((done - sent) * 1e6))
            measured.late.append(int(late * 1e6))

    begin = time.perf_counter() + 0.05
    tasks = set()
    for number, after in enumerate(due):
        moment = begin + after
        while (early := moment - time.perf_counter()) > 0:  # noqa: ASYNC110 - it waits for a time, not for a state
            await asyncio.sleep(early if early > 0.002 else 0)
        task = loop.create_task(one(number, moment, -early))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return measured


@click.command()
@click.argument("url")
@click.option("--rate", default=1500, show_default=True, type=click.IntRange(1), help="Requests a second.")
@click.option("--seconds", default=10, show_default=True, type=click.IntRange(1))
@click.option(
    "--poisson",
    is_flag=True,
    help="Moments at random, as many people make them, and not at equal distances.",
)
@click.option("--seed", default=1, show_default=True, help="Of what is random.")
@click.option(
    "--points", type=click.Path(path_type=Path, dir_okay=False), help="Write each request's times there."
)
def main(url: str, rate: int, seconds: int, poisson: bool, seed: int, points: Path | None) -> None:
    """One JSON object: p50, p90, p99, p99.9 and the longest, in microseconds. URL - reads a line each from standard input."""
    gc.disable()
    chance = random.Random(seed)
    urls = sys.stdin.read().split() if url == "-" else [url]
    if url == "-":
        urls = chance.choices(urls, k=rate * seconds)
    warm = rate // 2
    count = rate * seconds + warm
    gaps = [chance.expovariate(rate) if poisson else 1 / rate for _ in range(count)]
    measured = uvloop.run(measure(urls, list(accumulate(gaps, initial=0.0))[:-1], warm))
    if points is not None:
        document = {"from_due": measured.from_due, "from_sent": measured.from_sent}
        points.write_text(json.dumps(document))
    click.echo(json.dumps(measured.document()))


if __name__ == "__main__":
    main()
