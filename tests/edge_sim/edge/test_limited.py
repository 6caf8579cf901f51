"""An edge with limits, over real connections; most answers come by the fast path."""

from __future__ import annotations

import json

import aiohttp
import pytest

from edge_sim.edge.app import routes
from edge_sim.edge.limits import Limits
from media.serving import application, listening
from tests.edge_sim.conftest import Talk


@pytest.fixture
def limits(clock) -> Limits:
    return Limits(clock, requests=5)


@pytest.fixture
def behind_proxy() -> bool:
    return False


@pytest.fixture
async def talk(origin, clock, token_keys, session, limits, behind_proxy):
    table = routes(
        origin_url=origin.url,
        api_url=f"{origin.url}/api",
        keys=token_keys,
        memory=1 << 20,
        clock=clock,
        limits=limits,
        behind_proxy=behind_proxy,
    )
    async with listening(application("edge", table), "127.0.0.1", 0) as port:
        yield Talk(f"http://127.0.0.1:{port}", session, token_keys)


DATE = {"Date": "Fri, 15 Jan 2027 08:00:00 GMT"}


async def test_the_fast_path_counts_and_the_long_way_says_no(talk, origin, clock):
    origin.says("x", b"x", headers=DATE)
    assert [(await talk.get("x")).status for _ in range(20)] == [200] * 20
    assert await talk.count("quick_total") >= 18
    refused = await talk.get("x")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert json.loads(refused.body)["type"].endswith("too-many-requests")
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    clock.ms += 200
    assert [(await talk.get("x")).status for _ in range(2)] == [200, 429]
    assert await talk.count("limited_total") == 2


async def test_refusals_do_not_ask_the_origin_and_health_is_not_limited(talk, origin):
    for number in range(30):
        await talk.get(f"{number}")
    assert len(origin.heard) == 20
    assert (await talk.ask("/healthz")).status == 200


class TestBehindProxy:
    @pytest.fixture
    def behind_proxy(self) -> bool:
        return True

    async def test_the_listener_is_limited_and_not_the_proxy(self, talk, origin):
        origin.says("x", b"x", headers=DATE)
        for address in ("192.0.2.1", "192.0.2.2"):
            statuses = [(await talk.get("x", X_Real_IP=address)).status for _ in range(21)]
            assert statuses == [200] * 20 + [429]


class TestConnections:
    @pytest.fixture
    def limits(self, clock) -> Limits:
        return Limits(clock, connections=2)

    async def test_one_too_many_is_told_on_its_own_connection(self, talk, origin):
        origin.says("x", b"x", headers=DATE)

        async def status(session: aiohttp.ClientSession) -> int:
            async with session.get(f"{talk.base}/t/{talk.token}/songs/a-song/0123456789abcdef/x") as answer:
                return answer.status

        async with aiohttp.ClientSession() as first, aiohttp.ClientSession() as second:
            assert [await status(first), await status(first), await status(second)] == [200] * 3
            async with aiohttp.ClientSession() as third:
                assert [await status(third), await status(first), await status(third)] == [429, 200, 429]


@pytest.mark.parametrize(("behind_proxy", "told"), [(True, "https"), (False, "http")])
async def test_who_ends_tls_before_the_edge_is_believed_where_proxies_are(talk, origin, told):
    origin.says("/api/v1/me", b"{}")
    await talk.ask("/v1/me", X_Forwarded_Proto="https", X_Real_IP="192.0.2.1")
    assert origin.heard[0].headers.getall("X-Forwarded-Proto") == [told]


async def test_what_goes_through_to_the_api_counts_too(talk, origin):
    origin.says("/api/v1/songs/a-song/start", b"x")
    heard = [(await talk.ask("/v1/songs/a-song/start")).status for _ in range(21)]
    assert heard == [200] * 20 + [429]
    assert len(origin.heard) == 20
