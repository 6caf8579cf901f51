"""The origin dies, breaks off, lies or dawdles; the listener hears music, or the plain truth."""

from __future__ import annotations

import aiohttp
import pytest


def truth(answer, status: int) -> None:
    assert (answer.status, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_what_is_cached_plays_on_when_the_origin_is_dead(talk, origin, clock):
    origin.says("seg", b"music")
    origin.says("current", b"v1", cache_control="no-cache", etag='"1"')
    await talk.get("seg")
    await talk.get("current")
    await origin.dies()
    clock.ms += 3_600_000
    talk.token = talk.sign("songs/", expires_ms=clock.ms + 1)

    assert (await talk.get("seg")).cache == "tonearm-edge; hit"
    old = await talk.get("current")
    assert (old.status, old.body) == (200, b"v1")
    assert old.cache == "tonearm-edge; fwd=stale; detail=stale-if-error"
    assert old.headers["Age"] == "3600"
    assert await talk.count("stale_total") == 1
    truth(await talk.get("other"), 502)


async def test_the_grace_ends(talk, origin, clock):
    origin.says("x", b"x", cache_control="max-age=10, stale-if-error=20")
    await talk.get("x")
    origin.says("x", status=500)
    clock.ms += 29_999
    assert (await talk.get("x")).status == 200
    clock.ms += 1
    truth(await talk.get("x"), 502)


async def test_must_revalidate_means_it(talk, origin, clock):
    origin.says("x", b"x", cache_control="max-age=10, must-revalidate")
    await talk.get("x")
    origin.says("x", status=503)
    clock.ms += 10_000
    truth(await talk.get("x"), 502)


@pytest.mark.parametrize("status", [204, 206, 301, 304, 400, 403, 416, 500, 502, 503])
async def test_an_answer_that_makes_no_sense_is_a_bad_gateway(talk, origin, status):
    origin.says("x", status=status, headers={"Location": "/elsewhere"})
    answer = await talk.get("x")
    truth(answer, 502)
    assert answer.cache == "tonearm-edge; fwd=uri-miss"
    assert str(status).encode() in answer.body
    assert not origin.asked("/elsewhere")


async def test_an_answer_that_breaks_off_breaks_off_for_the_listener_and_is_not_kept(talk, origin):
    origin.says("x", bytes(1000), cut=600)
    answer = await talk.get("x")
    assert (answer.status, answer.body, answer.whole) == (200, bytes(600), False)
    assert await talk.count("objects") == 0
    origin.says("x", bytes(1000))
    assert (await talk.get("x")).cache == "tonearm-edge; fwd=uri-miss; stored"


async def test_an_answer_that_breaks_off_before_its_first_byte_can_still_be_told_as_it_is(talk, origin):
    origin.says("x", bytes(1000), cut=0)
    truth(await talk.get("x"), 502)


async def test_a_chunked_answer_that_breaks_off_is_neither_kept_nor_passed_on(talk, origin):
    origin.says("x", bytes(1000), cut=600, chunked=True)
    truth(await talk.get("x"), 502)
    assert await talk.count("objects") == 0


async def test_an_old_object_stands_in_for_an_answer_that_breaks_off(talk, origin):
    origin.says("x", b"whole", cache_control="no-cache")
    await talk.get("x")
    origin.says("x", bytes(1000), cut=1, cache_control="no-cache")
    assert (await talk.get("x")).body == b"whole"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_large_object_that_breaks_off_breaks_off_for_the_listener_too(talk, origin, chunked):
    origin.says("large", bytes(600_000), cut=400_000, chunked=chunked)
    answer = await talk.get("large")
    assert not answer.whole
    assert len(answer.body) < 600_000


class TestPatience:
    """With an edge that waits for 50 ms instead of ten seconds."""

    @pytest.fixture(autouse=True)
    def impatient(self, monkeypatch):
        monkeypatch.setattr("edge_sim.edge.upstream.TIMEOUT", aiohttp.ClientTimeout(total=0.05))

    async def test_an_origin_that_dawdles(self, talk, origin):
        origin.says("x", b"x")
        gate = origin.holds("x")
        truth(await talk.get("x"), 504)
        gate.open()

    async def test_an_old_object_stands_in_for_it(self, talk, origin):
        origin.says("x", b"old", cache_control="no-cache")
        await talk.get("x")
        gate = origin.holds("x")
        assert (await talk.get("x")).body == b"old"
        gate.open()


async def test_an_answer_without_a_length_could_be_half_of_one(talk, origin):
    """HTTP/1.0 ends a body by closing the connection, as a crash does."""
    origin.says("x", b"all or half?", headers={"Connection": "close"}, unbounded=True)
    answer = await talk.get("x")
    truth(answer, 502)
    assert b"without a length" in answer.body
