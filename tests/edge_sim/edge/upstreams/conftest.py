"""Several scripted origins, and one edge's way of asking them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import aiohttp
import pytest

from edge_sim.edge.upstream import named_errors
from edge_sim.edge.upstream import session as client_session
from edge_sim.edge.upstreams.ask import Topology, Upstreams
from tests.edge_sim.conftest import SONG, Clock, Origin

Asking = Callable[[Upstreams, str], Awaitable[tuple[int, bytes]]]


async def asked(upstreams: Upstreams, name: str) -> tuple[int, bytes]:
    """Status and body of one of the song's objects."""
    async with upstreams.ask(SONG + name, {}) as response:
        with named_errors("origin: x"):
            return response.status, await response.read()


@pytest.fixture
async def servers() -> AsyncIterator[list[Origin]]:
    """Four that say the same; those that a test does not name stay out of it."""
    started = [Origin() for _ in range(4)]
    async with AsyncExitStack() as stack:
        for each in started:
            await each.start()
            each.says("x", b"x")
            stack.push_async_callback(each.dies)
        yield started


@pytest.fixture
async def pool() -> AsyncIterator[aiohttp.ClientSession]:
    async with client_session() as opened:
        yield opened


@pytest.fixture
def tiers(pool: aiohttp.ClientSession, clock: Clock) -> Callable[..., Upstreams]:
    def built(origins: Sequence[Origin], shields: Sequence[Origin] = (), **options: float) -> Upstreams:
        topology = Topology([each.url for each in origins], [each.url for each in shields])
        return Upstreams(topology, pool, clock=clock, **options)

    return built
