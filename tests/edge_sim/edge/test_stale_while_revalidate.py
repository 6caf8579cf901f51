"""An old object within its window is answered at once, and asked about behind the listener's back (RFC 5861 §3)."""

from __future__ import annotations

import pytest

POINTER = "max-age=10, stale-while-revalidate=20"
STALE = "tonearm-edge; hit; ttl=-1; detail=stale-while-revalidate"


async def test_nobody_waits_for_the_origin_and_it_is_asked_once(talk, origin, clock):
    origin.says("current", b"v1", cache_control=POINTER, etag='"1"')
    await talk.get("current")
    origin.says("current", b"v2", cache_control=POINTER, etag='"2"')
    gate = origin.holds("current")
    clock.ms += 10_001
    for _ in range(3):
        old = await talk.get("current")
        assert (old.body, old.cache, old.headers["Age"]) == (b"v1", STALE, "10")
    await gate.reached.wait()
    assert (await talk.get("current", If_None_Match='"1"')).status == 304
    assert (await talk.get("current", Range="bytes=0-0")).body == b"v"
    assert [question.headers.get("If-None-Match") for question in origin.asked("current")] == [None, '"1"']
    gate.open()
    while (new := await talk.get("current")).body == b"v1":
        pass
    assert new.cache == "tonearm-edge; hit"
    assert len(origin.asked("current")) == 2
    assert await talk.count("requests_total", '{cache="stale"}') >= 5


async def test_a_304_renews_it(talk, origin, clock):
    origin.says("current", b"v1", cache_control=POINTER, etag='"1"')
    await talk.get("current")
    clock.ms += 10_001
    assert (await talk.get("current")).cache == STALE
    while (again := await talk.get("current")).cache == STALE:
        pass
    assert (again.body, again.cache, again.headers["Age"]) == (b"v1", "tonearm-edge; hit", "0")
    assert await talk.count("fetches_total", '{outcome="304"}') == 1


async def test_after_the_window_the_listener_waits(talk, origin, clock):
    origin.says("current", b"v1", cache_control=POINTER)
    await talk.get("current")
    origin.says("current", b"v2", cache_control=POINTER)
    clock.ms += 30_000
    late = await talk.get("current")
    assert (late.body, late.cache) == (b"v2", "tonearm-edge; fwd=stale; stored")


@pytest.mark.parametrize("grace", ["", ", stale-if-error=60"])
async def test_a_failing_origin_changes_nothing_within_the_window_and_then_stale_if_error_counts(
    talk, origin, clock, grace
):
    origin.says("current", b"v1", cache_control=POINTER + grace)
    await talk.get("current")
    origin.says("current", status=500)
    clock.ms += 10_001
    for failures in (1, 2):
        assert (await talk.get("current")).cache == STALE
        while await talk.count("fetches_total", '{outcome="failed"}') < failures:
            pass
    clock.ms += 20_000
    assert (await talk.get("current")).cache == "tonearm-edge; fwd=stale; detail=stale-if-error"
    clock.ms += 40_000
    assert (await talk.get("current")).status == (502 if grace else 200)


async def test_an_object_that_is_gone_is_gone_after_one_more_answer(talk, origin, clock):
    origin.says("current", b"v1", cache_control=POINTER)
    await talk.get("current")
    origin.forgets("current")
    clock.ms += 10_001
    assert (await talk.get("current")).cache == STALE
    while (answer := await talk.get("current")).status == 200:
        assert answer.cache == STALE
    assert answer.status == 404


async def test_head_is_answered_at_once_too(talk, origin, clock):
    origin.says("current", b"v1", cache_control=POINTER)
    await talk.get("current")
    gate = origin.holds("current")
    clock.ms += 10_001
    head = await talk.get("current", method="HEAD")
    assert (head.status, head.cache, head.headers["Content-Length"]) == (200, STALE, "2")
    gate.open()
