"""Operators at the control door: purge, warm, status. The listener notices what they did and nothing else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from edge_sim.edge.app import routes
from edge_sim.edge.control import Door
from media.serving import application, listening
from tests.edge_sim.conftest import SONG, Stage, Talk

MISS, HIT = "tonearm-edge; fwd=uri-miss; stored", "tonearm-edge; hit"


@dataclass
class Operator:
    base: str
    session: aiohttp.ClientSession

    async def asks(self, path: str, order: Any = None, **headers: str) -> tuple[int, Any]:
        method = "GET" if order is None else "POST"
        async with self.session.request(method, self.base + path, json=order, headers=headers) as answer:
            return answer.status, json.loads(await answer.read())

    async def warms(self, **order: Any) -> dict[str, Any]:
        """The job, when it is done; the test's timeout is the limit."""
        status, job = await self.asks("/warm", order)
        assert status == 202
        while not job["done"]:
            _, job = await self.asks(f"/warm/{job['id']}")
        return job


@pytest.fixture
def token() -> str:
    return ""


@pytest.fixture
def operator(unused_tcp_port, session) -> Operator:
    return Operator(f"http://127.0.0.1:{unused_tcp_port}", session)


@pytest.fixture
async def talk(origin, clock, token_keys, session, unused_tcp_port, token):
    door = Door(unused_tcp_port, token=token)
    table = routes(origin_url=origin.url, keys=token_keys, memory=4 << 20, clock=clock, control=door)
    async with listening(application("edge", table), "127.0.0.1", 0) as port:
        yield Talk(f"http://127.0.0.1:{port}", session, token_keys)


async def test_a_purged_object_is_fetched_again_and_its_neighbour_is_not(talk, origin, operator):
    for name in ("x", "y"):
        origin.says(name, b"one", headers={"Date": "Fri, 15 Jan 2027 08:00:00 GMT"})
        for _ in range(3):
            await talk.get(name)  # by the fast path in the end
    origin.says("x", b"two")
    assert await operator.asks("/purge", {"paths": [SONG + "x", SONG + "none"]}) == (200, {"purged": 1})
    gone = await talk.get("x")
    assert (gone.cache, gone.body) == (MISS, b"two")
    assert (await talk.get("y")).cache == HIT


@pytest.mark.parametrize("songs", [["a-song"], ["a-song/0123456789abcdef"]])
async def test_a_song_goes_with_all_it_has(talk, origin, operator, songs):
    for name in ("audio/low/init.mp4", "audio/low/00001.m4s", "hls.m3u8"):
        origin.says(name, b"x")
        await talk.get(name)
    assert await operator.asks("/purge", {"songs": ["a-son"]}) == (200, {"purged": 0})
    assert await operator.asks("/purge", {"songs": songs}) == (200, {"purged": 3})
    assert await talk.count("objects") == 0


async def test_a_soft_purge_asks_before_it_sends_and_keeps_what_it_has_when_nobody_answers(
    talk, origin, operator
):
    life = "max-age=600, stale-while-revalidate=600, stale-if-error=600"
    origin.says("x", b"x", etag='"1"', cache_control=life)
    await talk.get("x")
    assert await operator.asks("/purge", {"prefixes": [SONG], "soft": True}) == (200, {"purged": 1})
    assert (await talk.get("x")).cache == "tonearm-edge; fwd=stale; fwd-status=304"
    assert (await talk.get("x")).cache == HIT
    await operator.asks("/purge", {"prefixes": [SONG], "soft": True})
    await origin.dies()
    assert (await talk.get("x")).cache == "tonearm-edge; fwd=stale; detail=stale-if-error"


@pytest.fixture
def published(origin, talk, tone):
    presentation = Stage(origin, talk).publish(tone)
    origin.says("/songs/a-song/current.json", json.dumps({"version": "0123456789abcdef"}).encode())
    return presentation


async def test_a_warm_start_asks_the_origin_for_nothing(talk, origin, operator, published):
    job = await operator.warms(songs=["a-song"])
    assert (job["missing"], job["failed"], job["trouble"]) == (0, 0, [])
    assert job["fetched"] + job["had"] == job["total"] >= 8
    asked = len(origin.heard)
    rendition = published.renditions[0]
    for name in (
        "presentation.json",
        "hls.m3u8",
        "dash.mpd",
        f"audio/{rendition.name}/hls.m3u8",
        rendition.init,
        rendition.segments[0].path,
    ):
        assert (await talk.get(name)).cache == HIT
    assert len(origin.asked(rendition.segments[-1].path)) == 0
    assert len(origin.heard) == asked
    _, status = await operator.asks("/status")
    assert status["warming"]["ordered"] == {
        "fetched": job["fetched"],
        "useful": 5,
        "wasted": 0,
    }  # presentation.json was read for the order


async def test_all_of_one_rendition(talk, origin, operator, published):
    job = await operator.warms(songs=["a-song/0123456789abcdef"], extent="all", renditions=["high"])
    assert job["failed"] == job["missing"] == 0
    assert (await talk.get(published.rendition("high").segments[-1].path)).cache == HIT
    assert not origin.asked("audio/normal/init.mp4")
    assert not origin.asked("/songs/a-song/current.json")


async def test_what_there_is_not_and_what_cannot_be_had(talk, origin, operator):
    origin.says("broken", status=500)
    origin.says("secret", b"x", cache_control="no-store")
    job = await operator.warms(
        paths=[SONG + "none", SONG + "broken", SONG + "secret", SONG + "none"], songs=["b-song"]
    )
    assert (job["total"], job["missing"], job["failed"]) == (3, 1, 2)
    assert job["trouble"] == ["songs/b-song/current.json: cannot be had"]


async def test_listeners_join_what_is_being_warmed(talk, origin, operator):
    origin.says("x", b"x")
    gate = origin.holds("x")
    warming = asyncio.create_task(operator.warms(paths=[SONG + "x"]))
    await gate.reached.wait()
    listener = asyncio.create_task(talk.get("x"))
    await talk.joined(1)
    gate.open()
    assert (await listener).cache == MISS + "; collapsed"
    assert (await warming)["fetched"] == 1
    assert len(origin.asked("x")) == 1


async def test_status(talk, origin, operator):
    origin.says("x", b"x")
    for _ in range(4):
        await talk.get("x")
    _, status = await operator.asks("/status")
    assert status["name"] == "tonearm-edge"
    assert status["servers"] == [{"tier": "origin", "server": origin.url, "state": "closed", "failures": 0}]
    assert (status["requests"]["hit"], status["requests"]["miss"]) == (3, 1)
    assert status["memory"]["objects"] == 1


@pytest.mark.parametrize(
    ("path", "order", "why"),
    [
        ("/purge", {"path": ["x"]}, "'path' is not among"),
        ("/purge", {"paths": "x"}, "a list of strings"),
        ("/purge", ["x"], "an object expected"),
        ("/purge", {"soft": 1}, "true or false"),
        ("/purge", {"paths": ["songs/../x"]}, "no part that is empty"),
        ("/purge", {"songs": ["a-song/x"]}, "a version behind"),
        ("/warm", {"songs": ["../x"]}, "neither a song id"),
        ("/warm", {"extent": "some"}, '"start" or "all"'),
    ],
)
async def test_an_order_that_makes_no_sense(talk, operator, path, order, why):
    status, document = await operator.asks(path, order)
    assert status in (400, 422)
    assert why in document["detail"]


async def test_listeners_and_browsers_do_not_get_in(talk, operator):
    for path in ("/purge", "/warm"):
        assert (await talk.ask(path, method="POST", body=b"{}")).status == 404
    assert (await operator.asks("/purge", {}, Origin="http://evil.example"))[0] == 403
    assert (await operator.asks("/status", Origin="http://evil.example"))[0] == 403
    async with operator.session.post(operator.base + "/purge", data=b"{}") as answer:
        assert answer.status == 415
    assert (await operator.asks("/warm/none"))[0] == 404


class TestToken:
    @pytest.fixture
    def token(self) -> str:
        return "open sesame"

    async def test_only_who_has_it(self, talk, operator):
        for headers in ({}, {"Authorization": "Bearer open"}, {"Authorization": "open sesame"}):
            assert (await operator.asks("/purge", {}, **headers))[0] == 401
        assert (await operator.asks("/purge", {}, Authorization="Bearer open sesame"))[0] == 200
