"""What lies on the disk is damaged, in the way, or another's; the disk is full, or gone. Listeners hear music all the same."""

from __future__ import annotations

import logging
import shutil
import subprocess

import pytest

from edge_sim.edge.disk.files import PIECE
from edge_sim.edge.disk.format import BLOCK, SHARDS
from media.errors import SettingsError
from tests.edge_sim.edge.disk.conftest import befell, file_of, files, recovered

DISK = "tonearm-edge; hit; detail=disk"
MISS = "tonearm-edge; fwd=uri-miss; stored"
LARGE = bytes(range(251)) * 4000


def flip(path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


async def test_a_flipped_bit_anywhere_makes_a_miss_and_the_file_goes(start, origin, folder):
    origin.says("a", b"sixteen bytes!!!")
    async with start() as talk:
        await talk.get("a")
    path = file_of(folder, "a")
    size = path.stat().st_size
    for round_, at in enumerate(range(0, size, 7), 1):
        flip(path, at)
        async with start() as talk:
            answer = await talk.get("a")
            assert (answer.body, answer.cache) == (b"sixteen bytes!!!", MISS), at
            await befell(talk, "rotten")
            await befell(talk, "kept")
        assert len(origin.asked("a")) == 1 + round_
    async with start() as talk:
        assert (await talk.get("a")).cache == DISK


@pytest.mark.parametrize("size", [0, 1, 30, 200, -1])
async def test_a_file_that_is_cut_short_or_too_long_is_none(start, origin, folder, size):
    origin.says("a", bytes(300))
    async with start() as talk:
        await talk.get("a")
    path = file_of(folder, "a")
    data = path.read_bytes()
    path.write_bytes(data + b"x" if size < 0 else data[:size])
    async with start() as talk:
        assert (await talk.get("a")).cache == MISS


async def test_what_rots_while_the_edge_runs_is_noticed_when_it_is_read(start, origin, folder):
    origin.says("a", bytes(1000))
    async with start(memory=4096) as talk:
        await talk.get("a")
        await befell(talk, "kept")
        for name in "bcd":  # memory forgets it
            origin.says(name, bytes(900))
            await talk.get(name)
        flip(file_of(folder, "a"), -1)
        assert (await talk.get("a")).cache == MISS
        assert await talk.count("disk_total", '{event="rotten"}') == 1


class TestALargeObject:
    @pytest.fixture(autouse=True)
    def track(self, origin):
        origin.says("track", LARGE, etag='"t"', ranges=True)

    async def test_rot_behind_what_is_out_already_is_mended_by_the_origin(self, start, origin, folder):
        async with start() as talk:
            await talk.get("track")
            await befell(talk, "kept")
            flip(file_of(folder, "track"), -1)
            mended = await talk.get("track")
            assert (mended.status, mended.body, mended.whole, mended.cache) == (200, LARGE, True, DISK)
            (asked,) = (q for q in origin.asked("track") if "Range" in q.headers)
            last = len(LARGE) // PIECE * PIECE
            assert asked.headers["Range"] == f"bytes={last}-{len(LARGE) - 1}"
            assert asked.headers["If-Range"] == '"t"'
            assert (await talk.get("track")).cache == MISS  # the file has gone

    async def test_a_part_without_rot_is_served_and_one_with_it_is_a_miss(self, start, folder):
        async with start() as talk:
            await talk.get("track")
            await befell(talk, "kept")
            flip(file_of(folder, "track"), -1)
            good = await talk.get("track", Range=f"bytes=0-{BLOCK}")
            assert (good.body, good.cache) == (LARGE[: BLOCK + 1], DISK)
            bad = await talk.get("track", Range="bytes=-10")
            assert (bad.status, bad.body, bad.cache) == (206, LARGE[-10:], "tonearm-edge; fwd=uri-miss")
            await befell(talk, "rotten")
        assert not files(folder)

    async def test_without_an_etag_nobody_could_say_that_the_rest_belongs_to_it(self, start, origin, folder):
        origin.says("track", LARGE, ranges=True)
        async with start() as talk:
            await talk.get("track")
            flip(file_of(folder, "track"), -1)
            broken = await talk.get("track")
            assert not broken.whole
            assert LARGE.startswith(broken.body)
            assert (await talk.get("track")).cache == MISS

    async def test_another_version_is_not_glued_to_it(self, start, origin, folder):
        async with start() as talk:
            await talk.get("track")
            flip(file_of(folder, "track"), -1)
            origin.says("track", LARGE[::-1], etag='"u"', ranges=True)
            broken = await talk.get("track")
            assert not broken.whole
            assert LARGE.startswith(broken.body)


async def test_what_was_begun_and_what_is_not_ours_goes_at_the_start(start, origin, folder):
    origin.says("a", b"a")
    async with start() as talk:
        await talk.get("a")
    path = file_of(folder, "a")
    path.with_name("new-0badcafe-1").write_bytes(path.read_bytes())
    path.with_name("f" * 64).write_bytes(path.read_bytes())  # another key's name
    path.with_name("readme").write_text("hello")
    async with start() as talk:
        await befell(talk, "rotten", 2)
        await recovered(talk, 1)
    assert files(folder) == [path]


async def test_two_edges_do_not_share_a_folder(start, folder):
    async with start():
        with pytest.raises(SettingsError, match="another edge uses this disk folder") as raised:
            async with start():
                pass
        assert str(raised.value).startswith(str(folder))
    async with start(shards=range(8)), start(shards=range(8, SHARDS)):
        with pytest.raises(SettingsError):
            async with start(shards=[7]):
                pass
    async with start():
        pass


async def test_a_folder_that_cannot_be_one(start, folder):
    folder.write_text("a file")
    with pytest.raises(SettingsError, match="cannot be a disk folder: Not a directory"):
        async with start():
            pass


async def test_a_disk_that_goes_away_is_said_once_and_nobody_else_notices(start, origin, folder, caplog):
    caplog.set_level(logging.ERROR, "tonearm.error")
    origin.says("track", LARGE, etag='"t"', ranges=True)
    async with start(memory=100_000) as talk:
        await talk.get("track")
    async with start(memory=100_000) as talk:
        await recovered(talk, 1)  # all of the folder is read
        shutil.rmtree(folder)
        folder.write_text("something else")
        for number in range(5):
            origin.says(f"{number}", bytes([number]) * 100)
            assert (await talk.get(f"{number}")).body == bytes([number]) * 100
        await befell(talk, "failed", 5)
        for _ in range(2):
            assert (await talk.get("track")).body == LARGE
    (said,) = (record.getMessage() for record in caplog.records if record.name == "tonearm.error")
    assert said == f"disk: {folder}: Not a directory; said once"


class TestAFullDisk:
    """A real one, of two megabytes."""

    @pytest.fixture
    def folder(self, tmp_path):
        path = tmp_path / "small"
        path.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)], capture_output=True, timeout=20
        )
        if mounted.returncode:
            pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode().strip()}")
        yield path
        subprocess.run(["umount", "-l", str(path)], check=True, timeout=20)

    async def test_what_does_not_fit_is_served_and_not_kept(self, start, origin, folder, caplog):
        caplog.set_level(logging.ERROR, "tonearm.error")
        for number in range(15):
            origin.says(f"{number}", bytes([number]) * 200_000)
        async with start() as talk:
            for number in range(15):
                assert (await talk.get(f"{number}")).body == bytes([number]) * 200_000
            await befell(talk, "failed", 3)
        (said,) = (record.getMessage() for record in caplog.records if record.name == "tonearm.error")
        assert said == (
            f"disk: {folder}: No space left on device (its budget is more than there is); said once"
        )
        assert not [path for path in files(folder) if path.name.startswith("new-")]
        async with start() as talk:
            assert (await talk.get("0")).cache == DISK

    async def test_a_large_object_that_breaks_off_there_goes_on_from_the_origin(self, start, origin, folder):
        body = bytes(range(251)) * 12_000  # three megabytes
        origin.says("track", body, etag='"t"', ranges=True)
        gate = origin.holds("track", after=1_000_000)
        async with start() as talk:
            async with talk.begin("track") as first, talk.begin("track", Range="bytes=10-") as second:
                assert await first.content.readexactly(1000) == body[:1000]
                gate.open()
                assert await first.read() == body[1000:]
                assert await second.read() == body[10:]
            await befell(talk, "failed")
            assert (await talk.get("track")).body == body
        assert not files(folder)
