"""One request and several servers: who is asked, who is asked next, and who is left alone."""

from __future__ import annotations

import asyncio

import pytest

from edge_sim.edge.fetch import Origin as EdgeOrigin
from edge_sim.edge.upstreams.ask import Topology, Upstreams
from edge_sim.edge.upstreams.circuit import FAILURES, FIRST_PAUSE_MS
from edge_sim.edge.upstreams.hashing import order
from media.errors import UpstreamFailed
from tests.edge_sim.conftest import SONG

from .conftest import asked


def by_order(servers, name="x"):
    """The servers as the edge asks them for `name`."""
    url = {each.url: each for each in servers}
    return [url[each] for each in order(SONG + name, list(url))]


async def test_a_path_has_one_server_and_all_paths_have_all(servers, tiers):
    upstreams = tiers(servers)
    for number in range(40):
        for each in servers:
            each.says(f"{number}.m4s", b"s")
        for _ in range(2):
            assert await asked(upstreams, f"{number}.m4s") == (200, b"s")
    assert all(each.heard for each in servers)
    assert all(len(each.asked(f"{number}.m4s")) in (0, 2) for each in servers for number in range(40))


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_what_one_cannot_answer_the_next_one_does(servers, tiers, status):
    first, second, *_ = by_order(servers)
    first.says("x", status=status)
    upstreams = tiers(servers)
    assert await asked(upstreams, "x") == (200, b"x")
    assert (len(first.heard), len(second.heard), upstreams.retries) == (1, 1, 1)


async def test_a_dead_one_is_passed_over_within_the_request(servers, tiers):
    await by_order(servers)[0].dies()
    assert await asked(tiers(servers), "x") == (200, b"x")


async def test_one_that_dawdles_is_not_waited_for_while_there_is_another(servers, tiers):
    first = by_order(servers)[0]
    gate = first.holds("x")
    assert await asked(tiers(servers, patience_s=0.05), "x") == (200, b"x")
    gate.open()


async def test_the_last_one_is_waited_for(servers, tiers):
    gate = servers[0].holds("x")
    asking = asyncio.create_task(asked(tiers(servers[:1], patience_s=0.0), "x"))
    await gate.reached.wait()
    gate.open()
    assert await asking == (200, b"x")


async def test_two_of_a_tier_are_asked_and_then_the_next_tier(servers, tiers):
    shields, origin = servers[:3], servers[3]
    for each in shields:
        each.says("x", status=502)
    assert await asked(tiers([origin], shields), "x") == (200, b"x")
    assert sorted(len(each.heard) for each in servers) == [0, 1, 1, 1]
    assert len(origin.heard) == 1


async def test_the_origin_hears_nothing_while_a_shield_answers(servers, tiers):
    upstreams = tiers(servers[2:], servers[:2])
    servers[0].says("none", status=404)
    servers[1].says("none", status=404)
    assert (await asked(upstreams, "x"))[0] == 200
    assert (await asked(upstreams, "none"))[0] == 404  # an answer, too
    assert not servers[2].heard + servers[3].heard


async def test_when_nobody_can_the_last_answer_is_handed_on(servers, tiers):
    for each in servers:
        each.says("x", status=503)
    assert (await asked(tiers(servers), "x"))[0] == 503
    assert sum(len(each.heard) for each in servers) == 2


async def test_a_dead_tier_is_told_by_name(servers, tiers):
    for each in servers[:2]:
        await each.dies()
    with pytest.raises(UpstreamFailed, match=r"^origin: songs/.*/x: no connection$"):
        await asked(tiers(servers[:2]), "x")


class TestCircuit:
    async def test_who_fails_again_and_again_is_left_alone_and_comes_back(self, servers, tiers, clock):
        first, _second, *_ = by_order(servers)
        first.says("x", status=500)
        upstreams = tiers(servers)
        for _ in range(FAILURES + 3):
            assert (await asked(upstreams, "x"))[0] == 200
        assert len(first.heard) == FAILURES
        first.says("x", b"well")
        assert (await asked(upstreams, "x"))[1] == b"x"
        clock.ms += FIRST_PAUSE_MS
        assert (await asked(upstreams, "x"))[1] == b"well"
        assert (await asked(upstreams, "x"))[1] == b"well"

    async def test_of_many_requests_one_tries(self, servers, tiers, clock):
        first, second, *_ = by_order(servers)
        first.says("x", status=500)
        upstreams = tiers(servers)
        for _ in range(FAILURES):
            await asked(upstreams, "x")
        first.says("x", b"x")
        gate = first.holds("x")
        clock.ms += FIRST_PAUSE_MS
        trying = asyncio.create_task(asked(upstreams, "x"))
        await gate.reached.wait()
        before = len(second.heard)
        for _ in range(4):
            await asked(upstreams, "x")
        assert (len(first.heard), len(second.heard)) == (FAILURES + 1, before + 4)
        gate.open()
        await trying

    async def test_a_gateway_whose_own_origin_fails_is_not_ill(self, servers, tiers):
        shield, origin = servers[:2]
        shield.says("x", status=502)
        upstreams = tiers([origin], [shield])
        for _ in range(FAILURES + 3):
            assert (await asked(upstreams, "x"))[0] == 200
        assert len(shield.heard) == FAILURES + 3

    @pytest.mark.parametrize("status", [401, 403, 429, 502, 504])
    async def test_a_try_that_tells_nothing_leaves_the_place_to_the_next(self, pool, servers, clock, status):
        """With one origin and no checks nobody else would ever end it."""
        (server,) = servers[:1]
        server.says("x", status=500)
        origin = EdgeOrigin(Upstreams(Topology([server.url]), pool, clock=clock), clock=clock)
        for _ in range(FAILURES):
            with pytest.raises(UpstreamFailed, match="answered 500"):
                async with origin.ask(SONG + "x", None, ""):
                    pass
        clock.ms += FIRST_PAUSE_MS
        server.says("x", status=status)
        with pytest.raises(UpstreamFailed, match=f"answered {status}"):
            async with origin.ask(SONG + "x", None, ""):
                pass
        server.says("x", b"well")
        async with origin.ask(SONG + "x", None, "") as arrival:
            assert arrival.status == 200

    async def test_a_try_that_is_passed_over_leaves_the_place_to_the_next(self, servers, tiers, clock):
        shield, origin = servers[:2]
        shield.says("x", status=500)
        upstreams = tiers([origin], [shield])
        for _ in range(FAILURES):
            await asked(upstreams, "x")
        clock.ms += FIRST_PAUSE_MS
        shield.says("x", status=502)
        await asked(upstreams, "x")
        shield.says("x", b"well")
        assert await asked(upstreams, "x") == (200, b"well")

    async def test_a_body_that_breaks_off_counts(self, servers, tiers):
        server = servers[0]
        server.says("x", bytes(1000), cut=500)
        upstreams = tiers([server])
        for _ in range(FAILURES):
            with pytest.raises(UpstreamFailed, match="broke off"):
                await asked(upstreams, "x")
        with pytest.raises(UpstreamFailed, match="left alone"):
            await asked(upstreams, "x")
        assert len(server.heard) == FAILURES

    async def test_who_does_not_wait_blames_nobody(self, servers, tiers):
        gate = servers[0].holds("x")
        upstreams = tiers(servers[:1])
        for _ in range(FAILURES):
            gate.reached.clear()
            asking = asyncio.create_task(asked(upstreams, "x"))
            await gate.reached.wait()
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        gate.open()
        assert await asked(upstreams, "x") == (200, b"x")


async def test_a_tier_in_trouble_is_not_asked_twice_for_long(servers, tiers):
    """Gateways whose origin is down: nobody's circuit opens, and only the budget spares what is behind them."""
    for each in servers:
        each.says("x", status=502)
    upstreams = tiers(servers)
    for _ in range(100):
        await asked(upstreams, "x")
    assert sum(len(each.heard) for each in servers) == 100 + 10 + 9
