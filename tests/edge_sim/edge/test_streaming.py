"""An object is played while it is still coming: by all who want it, each at their own pace, and never half of it as a whole."""

from __future__ import annotations

import asyncio

import pytest

from edge_sim.edge.download import PIECE, Download
from edge_sim.edge.freshness import freshness
from edge_sim.edge.objects import Head
from edge_sim.edge.tier import REACH
from media.errors import UpstreamFailed

TEN = b"0123456789"


async def test_the_first_bytes_are_out_before_the_last_are_in(talk, origin):
    origin.says("seg", TEN, etag='"e"')
    gate = origin.holds("seg", after=4)
    async with talk.begin("seg") as first:
        assert await first.content.readexactly(4) == b"0123"
        async with talk.begin("seg") as late:  # begins at the first byte, though that has come and gone
            assert await late.content.readexactly(4) == b"0123"
            gate.open()
            assert await late.read() == await first.read() == b"456789"
    assert first.headers["Cache-Status"] == "tonearm-edge; fwd=uri-miss; stored"
    assert late.headers["Cache-Status"] == "tonearm-edge; fwd=uri-miss; stored; collapsed"
    assert (late.headers["ETag"], late.headers["Content-Length"]) == ('"e"', "10")
    assert (await talk.get("seg")).cache == "tonearm-edge; hit"
    assert len(origin.asked("seg")) == 1


async def test_when_the_last_byte_is_out_the_object_is_kept(talk, origin):
    for number in range(50):
        origin.says(f"{number}", TEN)
        await talk.get(f"{number}")
        assert (await talk.get(f"{number}")).cache == "tonearm-edge; hit"


async def test_what_needs_no_body_does_not_wait_for_it(talk, origin):
    origin.says("seg", TEN, etag='"e"')
    gate = origin.holds("seg", after=4)
    async with talk.begin("seg") as first:
        await first.content.readexactly(4)
        head = await talk.get("seg", method="HEAD")
        assert (head.status, head.headers["Content-Length"], head.body) == (200, "10", b"")
        assert (await talk.get("seg", If_None_Match='"e"')).status == 304
        beyond = await talk.get("seg", Range="bytes=10-")
        assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */10")
        there = await talk.get("seg", Range="bytes=1-3")
        assert (there.status, there.body) == (206, b"123")
        assert there.headers["Content-Range"] == "bytes 1-3/10"
        assert there.cache == "tonearm-edge; fwd=uri-miss; stored; collapsed"
        gate.open()
    assert len(origin.asked("seg")) == 1


class TestALargeOne:
    SIZE = 3 * REACH

    @pytest.fixture
    def memory(self) -> int:
        return 64 << 20

    @pytest.fixture
    def body(self, origin) -> bytes:
        body = bytes(range(256)) * (self.SIZE // 256)
        origin.says("track", body, etag='"e"', ranges=True)
        return body

    async def test_a_range_within_reach_waits_for_the_download(self, talk, origin, body):
        gate = origin.holds("track", after=1000)
        async with talk.begin("track") as first:
            await first.content.readexactly(1000)
            near = asyncio.create_task(talk.get("track", Range="bytes=500-1999"))
            await talk.joined(1)
            gate.open()
            assert ((await near).status, (await near).body) == (206, body[500:2000])
            assert await first.read() == body[1000:]
        assert len(origin.asked("track")) == 1

    async def test_a_range_far_ahead_does_not(self, talk, origin, body):
        gate = origin.holds("track", after=1000)
        async with talk.begin("track") as first:
            await first.content.readexactly(1000)
            for last, stop in ((f"{2 * REACH + 99}", 2 * REACH + 100), ("", self.SIZE)):
                far = await talk.get("track", Range=f"bytes={2 * REACH}-{last}")
                assert (far.status, far.body) == (206, body[2 * REACH : stop])
                assert far.headers["Content-Range"] == f"bytes {2 * REACH}-{stop - 1}/{self.SIZE}"
                assert far.cache == "tonearm-edge; fwd=partial"
            gate.open()
            assert await first.read() == body[1000:]
        assert (await talk.get("track", Range="bytes=-5")).cache == "tonearm-edge; hit"
        assert len(origin.asked("track")) == 3

    async def test_who_begins_in_the_middle_starts_the_download_and_does_not_wait_for_it(
        self, talk, origin, body
    ):
        gate = origin.holds("track", after=1000)
        far = await talk.get("track", Range=f"bytes=-{REACH}")
        assert (far.status, far.body, far.cache) == (206, body[-REACH:], "tonearm-edge; fwd=partial")
        gate.open()
        assert (await talk.get("track")).body == body
        assert len(origin.asked("track")) == 2

    async def test_a_slow_reader_holds_nobody_up_and_gets_all_of_it(self, talk, origin):
        body = bytes(range(256)) * (12_000_000 // 256)  # more than sockets hold
        origin.says("track", body)
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", int(talk.base.rpartition(":")[2]), limit=4096
        )
        writer.write(
            f"GET /t/{talk.token}/songs/a-song/0123456789abcdef/track HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        assert (await talk.get("track")).body == body  # while the other one reads nothing
        assert (await talk.get("track")).cache == "tonearm-edge; hit"
        await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(len(body)) == body
        writer.close()
        assert len(origin.asked("track")) == 1


@pytest.mark.parametrize("after", [1, 4])
async def test_a_download_that_breaks_off_breaks_off_for_everyone_and_keeps_nothing(talk, origin, after):
    origin.says("seg", TEN, cut=6)
    gate = origin.holds("seg", after=after)
    async with talk.begin("seg") as first:
        await first.content.readexactly(after)
        whole = asyncio.create_task(talk.get("seg"))
        part = asyncio.create_task(talk.get("seg", Range="bytes=2-7"))
        await talk.joined(2)
        gate.open()
        with pytest.raises(Exception, match="Response payload is not completed"):
            await first.read()
    for heard in await asyncio.gather(whole, part):
        assert not heard.whole or heard.status == 502
        assert heard.status == 502 or len(heard.body) <= 6
    assert await talk.count("objects") == 0
    origin.says("seg", TEN)
    assert (await talk.get("seg")).cache == "tonearm-edge; fwd=uri-miss; stored"


async def test_a_download_goes_on_when_all_have_left(talk, origin):
    origin.says("seg", TEN)
    gate = origin.holds("seg", after=4)
    async with talk.begin("seg") as first:
        await first.content.readexactly(4)
        first.close()
    gate.open()
    assert (await talk.get("seg")).body == TEN
    assert len(origin.asked("seg")) == 1


async def test_what_may_not_be_shared_streams_to_the_one_who_asked(talk, origin):
    origin.says("mine", TEN, cache_control="private", ranges=True)
    gate = origin.holds("mine", after=4)
    async with talk.begin("mine") as first:
        assert await first.content.readexactly(4) == b"0123"
        second = await talk.get("mine", Range="bytes=0-9")
        assert (second.body, second.cache) == (TEN, "tonearm-edge; fwd=uri-miss")
        gate.open()
        assert await first.read() == b"456789"
    assert (first.headers["Cache-Status"], await talk.count("objects")) == ("tonearm-edge; fwd=uri-miss", 0)


async def test_what_is_on_its_way_has_its_own_bounds(talk, origin):
    """Half of the memory's budget: two of these fit, and the third passes through until they have come."""
    names = ("a", "b", "c")
    for name in names:
        origin.says(name, bytes(200_000))
    gates = [origin.holds(name, after=1) for name in names[:2]]
    async with talk.begin("a") as a, talk.begin("b") as b:
        await a.content.readexactly(1)
        await b.content.readexactly(1)
        passed = await talk.get("c")
        assert (passed.body, passed.cache) == (bytes(200_000), "tonearm-edge; fwd=uri-miss")
        for gate in gates:
            gate.open()
        await a.read()
        await b.read()
    assert (await talk.get("c")).cache == "tonearm-edge; fwd=uri-miss; stored"


class TestDownload:
    HEAD = Head({}, 0, freshness("max-age=1"))

    async def test_a_reader_gets_a_piece_at_a_time(self):
        download = Download(self.HEAD, 3 * PIECE)
        download.grow(bytes(2 * PIECE))
        assert len(await download.read(0, 3 * PIECE)) == PIECE
        assert len(await download.read(2 * PIECE - 5, 3 * PIECE)) == 5
        assert len(await download.read(10, 20)) == 10

    async def test_it_wakes_who_waits(self):
        download = Download(self.HEAD, 4)
        readers = [asyncio.create_task(download.read(at, 4)) for at in (0, 1, 3)]
        download.grow(b"ab")
        assert await asyncio.gather(*readers[:2]) == [b"ab", b"b"]
        download.grow(b"cd")
        assert await readers[2] == b"d"
        assert (await download.all()).body == b"abcd"

    async def test_what_came_before_it_broke_can_be_read_and_no_more(self):
        download = Download(self.HEAD, 4)
        download.grow(b"ab")
        waits = asyncio.create_task(download.read(2, 4))
        download.fail(UpstreamFailed("gone"))
        assert await download.read(0, 4) == b"ab"
        for broken in (waits, download.read(2, 4), download.all()):
            with pytest.raises(UpstreamFailed, match="gone"):
                await broken
