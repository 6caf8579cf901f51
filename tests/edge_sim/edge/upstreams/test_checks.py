"""Health checks, in steps: a check is made when the test lets its pause end."""

from __future__ import annotations

import asyncio

import pytest

from edge_sim.edge.upstreams.checks import EVERY_S, Checks
from edge_sim.edge.upstreams.circuit import FAILURES


class Pauses:
    """What the checks wait with: `passes` lets the next one end and comes back when the check after it is done."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[float] = asyncio.Queue()
        self._ends: asyncio.Queue[None] = asyncio.Queue()

    async def __call__(self, seconds: float) -> None:
        self.asked.put_nowait(seconds)
        await self._ends.get()

    async def passes(self) -> float:
        seconds = await self.asked.get()
        self._ends.put_nowait(None)
        return seconds


@pytest.fixture
async def checked(servers, tiers, pool, clock):
    """One server, the pauses between its checks, the conversation."""
    upstreams = tiers(servers[:1])
    pauses = Pauses()
    checks = Checks(upstreams.servers, pool, clock=clock, pause=pauses, chance=lambda: 0.5)
    yield servers[0], upstreams.servers[0], pauses
    await checks.close()


async def done(pauses: Pauses, times: int) -> None:
    for _ in range(times):
        assert await pauses.passes() == EVERY_S
    pauses.asked.put_nowait(await pauses.asked.get())  # the last check is over when the next pause begins


async def test_a_dead_server_is_found_before_a_listener_finds_it(checked, clock):
    origin, server, pauses = checked
    await origin.dies()
    await done(pauses, FAILURES)
    assert server.circuit.state(clock()) == "open"


@pytest.mark.parametrize(("status", "state"), [(503, "open"), (404, "closed"), (200, "closed")])
async def test_what_an_answer_means(checked, clock, status, state):
    origin, server, pauses = checked
    origin.says("/healthz", status=status)
    await done(pauses, FAILURES)
    assert [question.method for question in origin.asked("/healthz")] == ["GET"] * FAILURES
    assert server.circuit.state(clock()) == state


async def test_a_good_check_lets_a_request_try_at_once(checked, clock):
    origin, server, pauses = checked
    for _ in range(FAILURES):
        server.circuit.failed(clock())
    origin.says("/healthz", b"ok")
    await done(pauses, 1)
    assert server.circuit.state(clock()) == "half-open"


async def test_paces_are_spread(servers, tiers, pool, clock):
    pauses = Pauses()
    chances = iter([0.0, 1.0])
    checks = Checks(tiers(servers[:2]).servers, pool, clock=clock, pause=pauses, chance=lambda: next(chances))
    assert {await pauses.asked.get(), await pauses.asked.get()} == {0.75 * EVERY_S, 1.25 * EVERY_S}
    await checks.close()
