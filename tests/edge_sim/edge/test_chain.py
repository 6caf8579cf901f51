"""A listener, an edge of a region, shields, origins: all of them real, and each says what it did."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from edge_sim.edge.app import routes
from edge_sim.edge.upstreams.ask import Topology
from media.serving import application, listening
from tests.edge_sim.conftest import SONG, Talk


class Fleet:
    """Two shields before one origin, and an edge before them."""

    def __init__(self, origin, clock, keys, session) -> None:
        self.origin, self._clock, self._keys, self._session = origin, clock, keys, session
        self._stack = AsyncExitStack()
        self._shields: dict[str, AsyncExitStack] = {}
        self.shields: list[Talk] = []

    async def start(self) -> None:
        for name in ("shield-a", "shield-b"):
            stack = self._shields[name] = AsyncExitStack()
            base = await self._edge(stack, Topology([self.origin.url], region=name, checks=False), True)
            self.shields.append(Talk(base, self._session, self._keys))
        shields = [each.base for each in self.shields]
        topology = Topology([self.origin.url], shields, region="eu-west", checks=False)
        self.edge = Talk(await self._edge(self._stack, topology, False), self._session, self._keys)

    async def loses(self, name: str) -> None:
        await self._shields[name].aclose()

    async def stop(self) -> None:
        for stack in (self._stack, *self._shields.values()):
            await stack.aclose()

    async def _edge(self, stack: AsyncExitStack, topology: Topology, as_shield: bool) -> str:
        table = routes(
            origin_url=topology, keys=self._keys, memory=1 << 20, clock=self._clock, as_shield=as_shield
        )
        port = await stack.enter_async_context(listening(application("edge", table), "127.0.0.1", 0))
        return f"http://127.0.0.1:{port}"


@pytest.fixture
async def fleet(origin, clock, token_keys, session):
    fleet = Fleet(origin, clock, token_keys, session)
    await fleet.start()
    yield fleet
    await fleet.stop()


def shield_of(said: str) -> str:
    """Which shield the first member of a Cache-Status names."""
    return said.partition(";")[0].removeprefix("tonearm-")


async def test_each_tier_says_what_it_did(fleet, origin):
    origin.says("x", b"x")
    first = (await fleet.edge.get("x")).cache
    shield = shield_of(first)
    assert first == f"tonearm-{shield}; fwd=uri-miss; stored, tonearm-eu-west; fwd=uri-miss; stored"
    assert shield in ("shield-a", "shield-b")
    assert (await fleet.edge.get("x")).cache.endswith(", tonearm-eu-west; hit")
    assert len(origin.asked("x")) == 1


async def test_what_a_shield_has_the_origin_is_not_asked_for(fleet, origin):
    origin.says("x", b"x")
    for shield in fleet.shields:
        assert (await shield.ask(f"/{SONG}x")).body == b"x"
    heard = await fleet.edge.get("x")
    assert heard.cache == f"tonearm-{shield_of(heard.cache)}; hit, tonearm-eu-west; fwd=uri-miss; stored"
    assert len(origin.asked("x")) == 2


async def test_a_fleet_without_shields_still_plays(fleet, origin):
    origin.says("x", b"x")
    origin.says("y", b"y")
    first = shield_of((await fleet.edge.get("x")).cache)
    await fleet.loses(first)
    assert (await fleet.edge.get("x")).body == b"x"
    assert (await fleet.edge.get("y")).cache.startswith("tonearm-shield-")
    for name in ("shield-a", "shield-b"):
        await fleet.loses(name)
    for number in range(8):
        origin.says(f"{number}", b"z")
        assert (await fleet.edge.get(f"{number}")).cache == "tonearm-eu-west; fwd=uri-miss; stored"
    metrics = (await fleet.edge.ask("/metrics")).body.decode()
    assert f'tonearm_edge_upstream_state{{server="{fleet.shields[0].base}",tier="shield"}} 2.0' in metrics
    assert f'tonearm_edge_upstream_state{{server="{origin.url}",tier="origin"}} 0.0' in metrics
    assert f'tonearm_edge_upstream_seconds_count{{server="{origin.url}",tier="origin"}}' in metrics


async def test_a_shield_answers_edges_by_the_fast_path_and_an_edge_answers_nobody_so(fleet, origin):
    origin.says("x", b"x", headers={"Date": "Fri, 15 Jan 2027 08:00:00 GMT"})
    shield = fleet.shields[0]
    for _ in range(3):
        assert (await shield.ask(f"/{SONG}x")).body == b"x"
        await fleet.edge.get("x")
    # Whether the edge's own question was quick depends on how new its connection was.
    assert await shield.count("quick_total") in (2, 3)
    assert (await fleet.edge.ask(f"/{SONG}x")).status == 404


async def test_a_shield_opens_only_what_an_origin_has(fleet, origin):
    for target in ("/songs/a-song/../../etc", "/songs/.hidden", "/other/x", "/v1/songs"):
        assert (await fleet.shields[0].ask(target)).status in (400, 404)
    assert not origin.heard


async def test_an_edge_that_is_no_shield_opens_nothing_without_a_token(fleet, origin):
    origin.says("x", b"x")
    assert (await fleet.edge.ask(f"/{SONG}x")).status == 404
    assert not origin.heard
