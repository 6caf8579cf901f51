"""What a disk keeps, and gives back: to a memory that is full, to an edge that was started anew, and in ranges."""

from __future__ import annotations

import asyncio

import pytest

from edge_sim.edge.disk.format import BLOCK, SHARDS, shard_of
from edge_sim.edge.tier import REACH
from tests.edge_sim.conftest import SONG
from tests.edge_sim.edge.disk.conftest import befell, file_of, files, recovered

HIT = "tonearm-edge; hit"
DISK = "tonearm-edge; hit; detail=disk"
MISS = "tonearm-edge; fwd=uri-miss; stored"
LARGE = bytes(range(251)) * 4000  # 1,004,000 bytes: more than a fourth of the memory here


async def test_an_edge_that_is_started_anew_has_what_it_had(start, origin, clock, folder):
    origin.says("a", b"A" * 1000, etag='"a"', headers={"Content-Encoding": "gzip"})
    async with start() as talk:
        assert (await talk.get("a")).cache == MISS
        assert (await talk.get("a")).cache == HIT
    clock.ms += 5_000
    async with start() as talk:
        again = await talk.get("a")
        assert (again.status, again.body, again.cache) == (200, b"A" * 1000, DISK)
        assert (again.headers["Age"], again.headers["ETag"]) == ("5", '"a"')
        assert again.headers["Content-Encoding"] == "gzip"
        assert (await talk.get("a")).cache == HIT  # it is in memory now
        assert await talk.count("requests_total", '{cache="disk"}') == 1
        await recovered(talk, 1)
        assert await talk.count("disk_bytes") == sum(path.stat().st_size for path in files(folder))
    assert len(origin.asked("a")) == 1


async def test_what_had_to_leave_memory_is_on_the_disk(start, origin):
    for number in range(12):
        origin.says(f"{number}", bytes([number]) * 1000)
    async with start(memory=5 * 1024, policy="lru") as talk:
        for number in range(12):
            await talk.get(f"{number}")
        await befell(talk, "kept", 12)
        for number in range(12):
            answer = await talk.get(f"{number}")
            assert (answer.body, answer.cache) == (bytes([number]) * 1000, DISK)
    assert len(origin.heard) == 12


async def test_many_who_ask_at_once_read_the_disk_once(start, origin):
    origin.says("a", bytes(200_000))
    async with start() as talk:
        await talk.get("a")
    async with start() as talk:
        heard = await asyncio.gather(*(talk.get("a") for _ in range(10)))
        assert {answer.body for answer in heard} == {bytes(200_000)}
        assert {answer.cache for answer in heard} <= {DISK, HIT}
        assert await talk.count("requests_total", '{cache="disk"}') == 1


class TestWhatIsTooLargeForMemory:
    async def test_it_plays_from_its_first_bytes_and_is_then_on_the_disk(self, start, origin, folder):
        origin.says("track", LARGE, etag='"t"', ranges=True)
        gate = origin.holds("track", after=1000)
        async with start() as talk:
            async with talk.begin("track") as first:
                assert await first.content.readexactly(1000) == LARGE[:1000]
                assert first.headers["Cache-Status"] == MISS
                async with talk.begin("track", Range="bytes=500-") as late:
                    assert await late.content.readexactly(500) == LARGE[500:1000]
                    far = await talk.get("track", Range=f"bytes={3 * REACH}-{3 * REACH + 9}")
                    assert (far.body, far.cache) == (
                        LARGE[3 * REACH : 3 * REACH + 10],
                        "tonearm-edge; fwd=partial",
                    )
                    near = asyncio.create_task(talk.get("track", Range="bytes=900-5000"))
                    await talk.joined(3)
                    gate.open()
                    assert (await near).body == LARGE[900:5001]
                    assert await late.read() == LARGE[1000:]
                    assert await first.read() == LARGE[1000:]
            again = await talk.get("track")
            assert (again.body, again.cache) == (LARGE, DISK)
            assert await talk.count("memory_bytes") == 0
        assert len(origin.asked("track")) == 2
        assert files(folder) == [file_of(folder, "track")]

    async def test_parts_of_it_come_out_of_the_file(self, start, origin):
        origin.says("track", LARGE, etag='"t"')
        async with start() as talk:
            await talk.get("track")
        async with start() as talk:
            size = len(LARGE)
            for first, stop in (
                (0, 1),
                (0, BLOCK),
                (BLOCK - 1, BLOCK + 1),
                (BLOCK, 2 * BLOCK),
                (3 * BLOCK + 5, 9 * BLOCK),
                (size - 1, size),
                (size - BLOCK - 7, size),
                (0, size),
            ):
                part = await talk.get("track", Range=f"bytes={first}-{stop - 1}")
                assert (part.status, part.body, part.cache) == (206, LARGE[first:stop], DISK)
                assert part.headers["Content-Range"] == f"bytes {first}-{stop - 1}/{size}"
            beyond = await talk.get("track", Range=f"bytes={size}-")
            assert (beyond.status, beyond.headers["Content-Range"]) == (416, f"bytes */{size}")
            assert (await talk.get("track", If_None_Match='"t"')).status == 304
            head = await talk.get("track", method="HEAD")
            assert (head.status, head.headers["Content-Length"], head.cache) == (200, str(size), DISK)
        assert len(origin.asked("track")) == 1

    async def test_half_of_it_is_never_kept(self, start, origin, folder):
        origin.says("track", LARGE, cut=700_000)
        async with start() as talk:
            broken = await talk.get("track")
            assert not broken.whole
            assert LARGE.startswith(broken.body)
            origin.says("track", LARGE)
            assert (await talk.get("track")).cache == MISS
        assert files(folder) == [file_of(folder, "track")]

    async def test_a_quarter_of_the_disk_is_the_limit(self, start, origin, folder):
        origin.says("track", LARGE)
        async with start(disk=3_900_000) as talk:
            for _ in range(2):
                answer = await talk.get("track")
                assert (answer.body, answer.cache) == (LARGE, "tonearm-edge; fwd=uri-miss")
        assert not files(folder)

    async def test_what_may_not_be_kept_is_not(self, start, origin, folder):
        origin.says("track", LARGE, cache_control="no-store")
        async with start() as talk:
            assert (await talk.get("track")).body == LARGE
        assert not files(folder)


async def test_the_budget_holds_and_the_policy_says_who_leaves(start, origin, folder):
    for number in range(40):
        origin.says(f"{number}", bytes([number]) * 10_000)
    async with start(disk=128_000, policy="lru") as talk:
        for number in range(40):
            await talk.get(f"{number}")
            await befell(talk, "kept", number + 1)
            assert await talk.count("disk_bytes") <= await talk.count("disk_budget_bytes") == 128_000
        assert await talk.count("disk_total", '{event="evicted"}') == 40 - await talk.count("disk_objects")
    assert {path.name for path in files(folder)} == {
        file_of(folder, f"{number}").name for number in range(40 - len(files(folder)), 40)
    }
    assert 10 <= len(files(folder)) <= 12
    async with start(disk=64_000, policy="lru") as talk:  # less from now on: the oldest go
        await befell(talk, "evicted", 5)
        assert (await talk.get("39")).cache == DISK
        assert (await talk.get("29")).cache == MISS
    assert sum(path.stat().st_size for path in files(folder)) <= 64_000


async def test_of_several_processes_each_has_its_own_shards(start, origin):
    names = [f"{number}" for number in range(20)]
    for name in names:
        origin.says(name, name.encode())
    halves = [range(SHARDS // 2), range(SHARDS // 2, SHARDS)]
    async with start(shards=halves[0]) as one, start(shards=halves[1]) as other:
        for name in names:
            mine = one if shard_of(SONG + name) in halves[0] else other
            await (other if mine is one else one).get(name)  # not its own: not kept
            await mine.get(name)
        assert await one.count("disk_budget_bytes") == await other.count("disk_budget_bytes") == 10_000_000
    async with start() as talk:
        assert {(await talk.get(name)).cache for name in names} == {DISK}


class TestWhatIsOld:
    async def test_it_is_asked_about_by_its_etag_and_renewed(self, start, origin, clock):
        origin.says("a", b"one", cache_control="max-age=100", etag='"1"')
        async with start() as talk:
            await talk.get("a")
        clock.ms += 100_000
        async with start() as talk:
            assert (await talk.get("a")).cache == "tonearm-edge; fwd=stale; fwd-status=304"
            await befell(talk, "kept")
        async with start() as talk:
            again = await talk.get("a")
            assert (again.body, again.cache, again.headers["Age"]) == (b"one", DISK, "0")
        assert [question.headers.get("If-None-Match") for question in origin.asked("a")] == [None, '"1"']

    async def test_a_large_one_too(self, start, origin, clock):
        origin.says("track", LARGE, cache_control="max-age=100", etag='"1"')
        async with start() as talk:
            await talk.get("track")
            clock.ms += 100_000
            again = await talk.get("track")
            assert (again.body, again.cache) == (LARGE, "tonearm-edge; fwd=stale; fwd-status=304")
            await befell(talk, "kept", 2)
            assert (await talk.get("track")).cache == DISK
        async with start() as talk:
            again = await talk.get("track")
            assert (again.body, again.cache, again.headers["Age"]) == (LARGE, DISK, "0")
        assert len(origin.asked("track")) == 2

    @pytest.mark.parametrize("body", [b"one", LARGE], ids=["small", "large"])
    async def test_it_plays_on_when_the_origin_is_dead(self, start, origin, clock, body):
        origin.says("a", body, cache_control="max-age=100")
        async with start() as talk:
            await talk.get("a")
        clock.ms += 100_000
        await origin.dies()
        async with start() as talk:
            old = await talk.get("a")
            assert (old.body, old.cache) == (body, "tonearm-edge; fwd=stale; detail=stale-if-error")

    @pytest.mark.parametrize("body", [b"one", LARGE], ids=["small", "large"])
    async def test_within_its_window_nobody_waits(self, start, origin, clock, body):
        origin.says("a", body, cache_control="max-age=10, stale-while-revalidate=20", etag='"1"')
        async with start() as talk:
            await talk.get("a")
        clock.ms += 10_001
        async with start() as talk:
            gate = origin.holds("a")
            old = await talk.get("a")
            assert old.body == body
            assert old.cache == "tonearm-edge; hit; ttl=-1; detail=stale-while-revalidate"
            await gate.reached.wait()
            gate.open()

    async def test_what_is_gone_or_became_private_goes_from_the_disk_too(self, start, origin, clock, folder):
        for name in "ab":
            origin.says(name, b"x", cache_control="max-age=1")
        async with start() as talk:
            for name in "ab":
                await talk.get(name)
            await befell(talk, "kept", 2)
            clock.ms += 1_000
            origin.forgets("a")
            origin.says("b", b"x", cache_control="no-store")
            assert [(await talk.get(name)).status for name in "ab"] == [404, 200]
        assert not files(folder)

    async def test_one_that_is_asked_about_every_time_is_not_written_every_time(self, start, origin, clock):
        origin.says("current", b"v1", cache_control="no-cache", etag='"1"')
        async with start() as talk:
            await talk.get("current")
            await befell(talk, "kept", 1)
            for _ in range(12):
                clock.ms += 5_000
                await talk.get("current")
            await befell(talk, "kept", 2)
            clock.ms += 5_000
            await talk.get("current")
            assert await talk.count("disk_total", '{event="kept"}') == 2
        async with start() as talk:
            await origin.dies()
            assert (await talk.get("current")).headers["Age"] == "5"  # of the minute, not of the beginning
