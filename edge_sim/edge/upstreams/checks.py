"""Asking servers how they are, every few seconds, so that a dead one is known before a listener finds out.

Each server has its own pace with jitter: a fleet of edges must not ask in step. What a check finds goes into the server's circuit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable

import aiohttp

from edge_sim.edge.clock import Clock
from edge_sim.edge.upstream import named_errors
from edge_sim.edge.upstreams.server import Server
from media.errors import UpstreamFailed

EVERY_S = 4.0
_TIMEOUT = aiohttp.ClientTimeout(total=2)
Pause = Callable[[float], Awaitable[None]]


class Checks:
    """``GET /healthz`` of each of `servers`. `pause` waits for seconds, `chance` is evenly spread from 0 to 1."""

    def __init__(
        self,
        servers: Iterable[Server],
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        pause: Pause = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._session = session
        self._clock = clock
        self._pause = pause
        self._chance = chance
        self._tasks = [asyncio.create_task(self._watch(each), name=f"check {each}") for each in servers]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self, server: Server) -> None:
        while True:
            await self._pause(EVERY_S * (0.75 + self._chance() / 2))
            await self._check(server)

    async def _check(self, server: Server) -> None:
        try:
            with named_errors(f"{server.tier}: healthz"):
                async with self._session.get(server.url("healthz"), timeout=_TIMEOUT) as response:
                    status = response.status
        except UpstreamFailed:
            status = 504
        # Any answer below 500 says that somebody is there; not every store has such an address.
        if status >= 500:
            server.circuit.failed(self._clock())
        else:
            server.circuit.revive(self._clock())
