"""What the edge keeps, for how long, and what it says about it."""

from __future__ import annotations

import gzip

import pytest


async def test_first_miss_then_hits_that_the_origin_never_hears_of(talk, origin, clock):
    origin.says("audio/low/00001.m4s", b"first segment", etag='"e1"')

    first = await talk.get("audio/low/00001.m4s")
    assert (first.status, first.body) == (200, b"first segment")
    assert first.cache == "tonearm-edge; fwd=uri-miss; stored"

    clock.ms += 90_500
    again = await talk.get("audio/low/00001.m4s")
    assert (again.status, again.body) == (200, b"first segment")
    assert again.cache == "tonearm-edge; hit"
    assert again.headers["Age"] == "90"
    assert again.headers["ETag"] == '"e1"'
    assert again.headers["Content-Type"] == "audio/mp4"
    assert again.headers["Date"] == first.headers["Date"]
    assert again.headers["Access-Control-Allow-Origin"] == "*"
    assert len(origin.asked("audio/low/00001.m4s")) == 1
    assert await talk.count("requests_total", '{cache="hit"}') == 1
    assert await talk.count("requests_total", '{cache="miss"}') == 1
    assert await talk.count("sent_bytes_total") == 2 * len(b"first segment")
    assert await talk.count("fetched_bytes_total") == len(b"first segment")


async def test_listeners_with_different_tokens_share_an_object(talk, origin):
    origin.says("init.mp4", b"init")
    await talk.get("init.mp4")
    talk.token = talk.sign("songs/")
    assert (await talk.get("init.mp4")).cache == "tonearm-edge; hit"
    assert not any("/t/" in question.path for question in origin.heard)


async def test_a_query_is_no_part_of_what_is_cached(talk, origin):
    origin.says("init.mp4", b"init")
    await talk.get("init.mp4")
    assert (await talk.get("init.mp4?CMCD=br%3D96")).cache == "tonearm-edge; hit"


async def test_nothing_of_a_listener_reaches_the_origin(talk, origin):
    origin.says("init.mp4", b"init")
    await talk.get(
        "init.mp4", Cookie="a=b", Authorization="Bearer x", Range="bytes=0-1", Accept_Encoding="gzip"
    )
    (question,) = origin.asked("init.mp4")
    assert not {"cookie", "authorization", "range"} & {name.lower() for name in question.headers}
    assert question.headers["Accept-Encoding"] == "identity"


async def test_max_age_ends(talk, origin, clock):
    origin.says("x", b"one", cache_control="max-age=10")
    await talk.get("x")
    clock.ms += 9_999
    assert (await talk.get("x")).cache == "tonearm-edge; hit"
    origin.says("x", b"two", cache_control="max-age=10")
    clock.ms += 1
    later = await talk.get("x")
    assert (later.body, later.cache) == (b"two", "tonearm-edge; fwd=stale; stored")
    assert later.headers["Age"] == "0"


async def test_the_age_that_a_tier_before_us_gave_counts(talk, origin, clock):
    origin.says("x", b"old", cache_control="max-age=100", headers={"Age": "95"})
    assert (await talk.get("x")).headers["Age"] == "95"
    clock.ms += 5_000
    assert (await talk.get("x")).cache == "tonearm-edge; fwd=stale; stored"


async def test_no_store_is_never_kept(talk, origin):
    origin.says("x", b"secret", cache_control="no-store")
    for _ in range(2):
        assert (await talk.get("x")).cache == "tonearm-edge; fwd=uri-miss"
    assert len(origin.asked("x")) == 2
    assert await talk.count("objects") == 0


async def test_an_object_that_became_no_store_is_forgotten(talk, origin, clock):
    origin.says("x", b"one", cache_control="max-age=1")
    await talk.get("x")
    clock.ms += 1_000
    origin.says("x", b"two", cache_control="no-store")
    assert (await talk.get("x")).cache == "tonearm-edge; fwd=stale"
    assert await talk.count("objects") == 0


async def test_what_is_not_there_is_remembered_for_three_seconds(talk, origin, clock):
    first = await talk.get("none")
    assert (first.status, first.headers["Content-Type"]) == (404, "application/problem+json")
    assert first.cache == "tonearm-edge; fwd=uri-miss; stored"
    origin.says("none", b"published")
    clock.ms += 2_999
    assert ((await talk.get("none")).status, len(origin.asked("none"))) == (404, 1)
    clock.ms += 1
    assert (await talk.get("none")).body == b"published"


async def test_gone_is_as_good_as_missing(talk, origin):
    origin.says("x", status=410)
    assert (await talk.get("x")).status == 404
    assert (await talk.get("x")).cache == "tonearm-edge; hit"


async def test_bytes_stay_as_the_origin_coded_them(talk, origin):
    packed = gzip.compress(b"a manifest")
    origin.says("x", packed, headers={"Content-Encoding": "gzip"})
    for _ in range(2):
        answer = await talk.get("x")
        assert (answer.body, answer.headers["Content-Encoding"]) == (packed, "gzip")


async def test_head_says_what_get_says_and_fills_the_cache(talk, origin):
    origin.says("x", b"four", etag='"e"')
    head = await talk.get("x", method="HEAD")
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", "4")
    got = await talk.get("x")
    assert (got.cache, got.body) == ("tonearm-edge; hit", b"four")
    again = await talk.get("x", method="HEAD", Range="bytes=0-1")
    assert (again.status, again.headers["Content-Length"]) == (200, "4")


async def test_an_empty_object_is_an_object(talk, origin):
    origin.says("x", b"")
    await talk.get("x")
    assert ((await talk.get("x")).status, (await talk.get("x", method="HEAD")).headers["Content-Length"]) == (
        200,
        "0",
    )


async def test_a_chunked_answer_is_complete_when_its_last_chunk_came(talk, origin):
    origin.says("x", b"in chunks", chunked=True)
    await talk.get("x")
    again = await talk.get("x")
    assert (again.body, again.cache) == (b"in chunks", "tonearm-edge; hit")


async def test_what_the_tiers_before_us_said_stands_first(talk, origin):
    origin.says("x", b"x", headers={"Cache-Status": "shield; hit; ttl=3"})
    assert (await talk.get("x")).cache == "shield; hit; ttl=3, tonearm-edge; fwd=uri-miss; stored"
    assert (await talk.get("x")).cache == "shield; hit; ttl=3, tonearm-edge; hit"


class TestSmallMemory:
    """Room for two objects of 1,000 bytes and what they cost besides; one object is at most a quarter of it."""

    @pytest.fixture
    def memory(self) -> int:
        return 5 * 1024

    # S3-FIFO: a came into the small queue, and one use is not enough to leave it for the main one.
    @pytest.mark.parametrize(
        ("policy", "gone"), [("s3fifo", "a"), ("sieve", "b"), ("lru", "b"), ("tinylfu", "b"), ("gdsf", "b")]
    )
    async def test_who_goes(self, talk, origin, gone):
        for name in "abc":
            origin.says(name, name.encode() * 1000)
        for name in "abac":
            await talk.get(name)
        assert await talk.count("evictions_total") == 1
        kept = "ab".replace(gone, "")
        assert (await talk.get(kept)).cache == "tonearm-edge; hit"
        assert (await talk.get(gone)).cache == "tonearm-edge; fwd=uri-miss; stored"
        assert await talk.count("memory_bytes") <= await talk.count("budget_bytes") == 5 * 1024

    async def test_what_is_too_large_passes_through_as_it_is_asked_for(self, talk, origin):
        origin.says("big", bytes(1281), etag='"b"')
        first = await talk.get("big", Range="bytes=0-9", Cookie="a=b")
        assert (first.status, first.body, first.cache) == (200, bytes(1281), "tonearm-edge; fwd=uri-miss")
        assert [question.headers.get("Range") for question in origin.asked("big")] == [None, "bytes=0-9"]
        assert "Cookie" not in origin.asked("big")[1].headers
        await talk.get("big")
        assert len(origin.asked("big")) == 3  # known to be large: no second look
        assert (await talk.get("big", If_None_Match='"b"')).status == 304
        head = await talk.get("big", method="HEAD")
        assert (head.status, head.headers["Content-Length"]) == (200, "1281")
        assert origin.asked("big")[-1].method == "HEAD"

    async def test_a_chunked_answer_that_grows_too_large_passes_through(self, talk, origin):
        origin.says("big", bytes(5000), chunked=True)
        assert (await talk.get("big")).body == bytes(5000)
        assert len(origin.asked("big")) == 2
