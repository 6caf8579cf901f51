"""Conditions: the listener's towards the edge, and the edge's towards the origin."""

from __future__ import annotations

import asyncio

import pytest


async def test_no_cache_is_kept_and_asked_about_every_time(talk, origin, clock):
    origin.says("current", b"v1", cache_control="no-cache", etag='"1"')
    assert (await talk.get("current")).cache == "tonearm-edge; fwd=uri-miss; stored"
    clock.ms += 60_000
    again = await talk.get("current")
    assert (again.body, again.cache) == (b"v1", "tonearm-edge; fwd=stale; fwd-status=304")
    assert again.headers["Age"] == "0"
    assert [question.headers.get("If-None-Match") for question in origin.asked("current")] == [None, '"1"']

    origin.says("current", b"v2", cache_control="no-cache", etag='"2"')
    changed = await talk.get("current")
    assert (changed.body, changed.cache) == (b"v2", "tonearm-edge; fwd=stale; stored")
    assert changed.headers["ETag"] == '"2"'


async def test_identical_questions_about_a_stale_object_are_joined(talk, origin):
    origin.says("current", b"v1", cache_control="no-cache", etag='"1"')
    await talk.get("current")
    gate = origin.holds("current")
    first = asyncio.create_task(talk.get("current"))
    await gate.reached.wait()
    second = asyncio.create_task(talk.get("current"))
    await talk.joined(1)
    gate.open()
    assert (await first).cache == "tonearm-edge; fwd=stale; fwd-status=304"
    assert (await second).cache == "tonearm-edge; fwd=stale; fwd-status=304; collapsed"


async def test_a_304_renews_life_and_headers(talk, origin, clock):
    origin.says("x", b"x", cache_control="max-age=1", etag='"e"')
    await talk.get("x")
    clock.ms += 1_000
    origin.says("x", b"", cache_control="max-age=100", etag='"e"', headers={"Content-Type": ""})
    await talk.get("x")
    clock.ms += 99_000
    fresh = await talk.get("x")
    assert (fresh.body, fresh.cache, fresh.headers["Age"]) == (b"x", "tonearm-edge; hit", "99")
    assert fresh.headers["Content-Type"] == "audio/mp4"


async def test_a_304_that_nobody_asked_for_renews_nothing(talk, origin):
    origin.says("x", b"x", cache_control="no-cache")
    await talk.get("x")
    origin.says("x", status=304)
    assert (await talk.get("x")).cache == "tonearm-edge; fwd=stale; detail=stale-if-error"


async def test_an_object_that_is_gone_is_gone(talk, origin):
    origin.says("x", b"x", cache_control="no-cache", etag='"e"')
    await talk.get("x")
    origin.forgets("x")
    gone = await talk.get("x")
    assert (gone.status, gone.cache) == (404, "tonearm-edge; fwd=stale; stored")


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [('"e"', 304), ('W/"e"', 304), ('"a", "e"', 304), ("*", 304), ('"a"', 200), ("e", 200), ('"e', 200)],
)
async def test_the_listener_has_it_already(talk, origin, if_none_match, status):
    origin.says("x", b"body", etag='"e"')
    await talk.get("x")
    answer = await talk.get("x", If_None_Match=if_none_match)
    assert (answer.status, answer.cache) == (status, "tonearm-edge; hit")
    if status == 304:
        assert (answer.body, answer.headers["ETag"]) == (b"", '"e"')
        assert "Cache-Control" in answer.headers
        assert "Content-Type" not in answer.headers


async def test_a_listeners_condition_never_empties_the_cache_for_others(talk, origin):
    origin.says("x", b"body", etag='"e"')
    assert (await talk.get("x", If_None_Match='"e"')).status == 304
    assert (await talk.get("x")).body == b"body"


@pytest.mark.parametrize(
    ("asked", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-4", 200, b"0123456789", None),
        ("bytes=0-1,4-5", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
async def test_ranges_come_out_of_the_whole_object(talk, origin, asked, status, body, content_range):
    origin.says("x", b"0123456789", etag='"e"')
    for cache in ("tonearm-edge; fwd=uri-miss; stored", "tonearm-edge; hit"):
        answer = await talk.get("x", Range=asked)
        assert (answer.status, answer.cache) == (status, cache)
        assert answer.headers.get("Content-Range") == content_range
        assert body is None or answer.body == body
    assert len(origin.asked("x")) == 1


@pytest.mark.parametrize(("if_range", "status"), [('"e"', 206), ('"other"', 200), ('W/"e"', 200)])
async def test_if_range_wants_exactly_this_object(talk, origin, if_range, status):
    origin.says("x", b"0123456789", etag='"e"')
    answer = await talk.get("x", Range="bytes=0-0", If_Range=if_range)
    assert answer.status == status


async def test_if_range_never_matches_a_weak_etag(talk, origin):
    """RFC 9110 §13.1.5: the strong comparison, in which a weak validator equals nothing."""
    origin.says("x", b"0123456789", etag='W/"e"')
    assert (await talk.get("x", Range="bytes=0-0", If_Range='W/"e"')).status == 200
