"""Many want the same at the same time. The order of things is made by gates, never by waiting a while."""

from __future__ import annotations

import asyncio


async def test_identical_misses_become_one_fetch(talk, origin):
    origin.says("seg", b"one for all")
    gate = origin.holds("seg")
    listeners = [asyncio.create_task(talk.get("seg"))]
    await gate.reached.wait()
    listeners += [asyncio.create_task(talk.get("seg")) for _ in range(9)]
    await talk.joined(9)
    gate.open()

    heard = await asyncio.gather(*listeners)
    assert {answer.body for answer in heard} == {b"one for all"}
    assert heard[0].cache == "tonearm-edge; fwd=uri-miss; stored"
    assert {answer.cache for answer in heard[1:]} == {"tonearm-edge; fwd=uri-miss; stored; collapsed"}
    assert len(origin.asked("seg")) == 1


async def test_different_objects_do_not_wait_for_each_other(talk, origin):
    origin.says("slow", b"slow")
    origin.says("quick", b"quick")
    gate = origin.holds("slow")
    slow = asyncio.create_task(talk.get("slow"))
    await gate.reached.wait()
    assert (await talk.get("quick")).body == b"quick"
    gate.open()
    assert (await slow).body == b"slow"


async def test_a_listener_who_leaves_takes_nobody_along(talk, origin):
    origin.says("seg", b"still here")
    gate = origin.holds("seg")
    leader = asyncio.create_task(talk.get("seg"))
    await gate.reached.wait()
    stays = asyncio.create_task(talk.get("seg"))
    goes = asyncio.create_task(talk.get("seg"))
    await talk.joined(2)
    for listener in (leader, goes):
        listener.cancel()
    await asyncio.gather(leader, goes, return_exceptions=True)
    gate.open()
    assert (await stays).body == b"still here"
    assert len(origin.asked("seg")) == 1


async def test_when_all_have_left_the_fetch_still_ends_in_the_cache(talk, origin):
    origin.says("seg", b"for the next one")
    gate = origin.holds("seg")
    listener = asyncio.create_task(talk.get("seg"))
    await gate.reached.wait()
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)
    gate.open()
    assert (await talk.get("seg")).body == b"for the next one"
    assert len(origin.asked("seg")) == 1


async def test_get_head_and_range_join_the_same_fetch(talk, origin):
    origin.says("seg", b"0123456789")
    gate = origin.holds("seg")
    head = asyncio.create_task(talk.get("seg", method="HEAD"))
    await gate.reached.wait()
    part = asyncio.create_task(talk.get("seg", Range="bytes=2-3"))
    await talk.joined(1)
    gate.open()
    assert ((await part).status, (await part).body) == (206, b"23")
    assert (await head).headers["Content-Length"] == "10"
    assert len(origin.asked("seg")) == 1


async def test_an_answer_that_may_not_be_shared_is_asked_for_by_each(talk, origin):
    origin.says("mine", b"private", cache_control="private")
    gate = origin.holds("mine")
    first = asyncio.create_task(talk.get("mine"))
    await gate.reached.wait()
    second = asyncio.create_task(talk.get("mine"))
    await talk.joined(1)
    gate.open()
    assert {(await first).body, (await second).body} == {b"private"}
    assert len(origin.asked("mine")) == 2


async def test_all_who_wait_for_something_too_large_get_it_for_themselves(talk, origin):
    large = bytes(300_000)
    origin.says("large", large)
    gate = origin.holds("large")
    first = asyncio.create_task(talk.get("large"))
    await gate.reached.wait()
    second = asyncio.create_task(talk.get("large"))
    await talk.joined(1)
    gate.open()
    assert (await first).body == (await second).body == large
    assert len(origin.asked("large")) == 3  # one look, and one for each


async def test_all_who_wait_hear_of_a_failure_and_the_next_one_tries_again(talk, origin):
    origin.says("seg", b"x", status=503)
    gate = origin.holds("seg")
    first = asyncio.create_task(talk.get("seg"))
    await gate.reached.wait()
    second = asyncio.create_task(talk.get("seg"))
    await talk.joined(1)
    gate.open()
    assert ((await first).status, (await second).status) == (502, 502)
    origin.says("seg", b"better")
    assert (await talk.get("seg")).body == b"better"
