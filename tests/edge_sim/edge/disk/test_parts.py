"""The disk's parts, each alone: the file's format, the index, what is found before all of the folder is read."""

from __future__ import annotations

import asyncio
import os
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.edge.disk.disk import _BATCH, Disk
from edge_sim.edge.disk.files import Complete, write
from edge_sim.edge.disk.format import BLOCK, SHARDS, Sums, name_of, shard_of, sound
from edge_sim.edge.disk.index import Index
from edge_sim.edge.freshness import freshness
from edge_sim.edge.objects import Head, Whole
from edge_sim.policies import NAMES, policy
from media.errors import FormatError


def whole(body: bytes) -> Whole:
    return Whole({"ETag": '"é"', "Cache-Control": "max-age=5"}, 7, freshness("max-age=5"), body)


@given(st.lists(st.integers(0, 3 * BLOCK), max_size=6))
def test_the_sums_do_not_depend_on_how_bytes_came(sizes):
    body = os.urandom(sum(sizes))
    sums, at = Sums(), 0
    for size in sizes:
        sums.add(memoryview(body)[at : at + size])
        at += size
    once = Sums()
    once.add(memoryview(body))
    table = sums.all()
    assert table == once.all()
    assert len(table) == 4 * -(-len(body) // BLOCK)
    assert sound(body, table, 0)
    if body:
        assert not sound(bytes([body[0] ^ 1]) + body[1:], table, 0)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 3])
def test_what_is_written_is_read(tmp_path, size):
    body = os.urandom(size)
    (tmp_path / name_of("k")).parent.mkdir()
    write(tmp_path, "k", whole(body), body, "new-1")
    file = Complete(tmp_path, "k")
    assert (file.label.key, file.label.length, file.label.head.born_ms) == ("k", size, 7)
    assert dict(file.label.head.headers) == dict(whole(b"").headers)
    assert file.label.head.freshness == freshness("max-age=5")
    for start in {0, 1, BLOCK - 1, BLOCK, size - 1} & set(range(size)):
        for stop in {start + 1, BLOCK, size} & set(range(start + 1, size + 1)):
            got = file.read(start, stop)
            assert got == body[start : start + len(got)]
            assert 0 < len(got) <= stop - start
    with pytest.raises(FileNotFoundError):
        Complete(tmp_path, "another")


def test_a_file_under_another_keys_name_is_not_its_object(tmp_path):
    for key in ("k", "l"):
        (tmp_path / name_of(key)).parent.mkdir(exist_ok=True)
    write(tmp_path, "k", whole(b"x"), b"x", "new-1")
    (tmp_path / name_of("k")).rename(tmp_path / name_of("l"))
    with pytest.raises(FormatError, match="another key"):
        Complete(tmp_path, "l")


def test_keys_are_spread_over_all_shards():
    shards = [shard_of(f"songs/{number}") for number in range(5000)]
    assert set(shards) == set(range(SHARDS))
    assert max(map(shards.count, range(SHARDS))) < 3 * 5000 // SHARDS


@given(
    st.sampled_from(NAMES),
    st.lists(
        st.tuples(st.sampled_from(["write", "fail", "remove", "hit"]), st.integers(0, 9), st.integers(1, 60))
    ),
)
def test_the_index_never_promises_more_than_its_budget(name, steps):
    index = Index(100, policy(name, 100))
    model: dict[str, int] = {}
    for verb, number, size in steps:
        key = str(number)
        if verb in ("write", "fail"):
            kept, gone = index.promise(key, size)
            for each in gone:
                del model[each]
            assert not kept or sum(model.values()) + size <= 100
            if kept:
                index.release(size)
            if kept and verb == "write":
                index.add(key, size, size)
                model[key] = size
        elif verb == "remove":
            index.remove(key)
            model.pop(key, None)
        else:
            index.hit(key)
        assert (index.used, len(index)) == (sum(model.values()), len(model))
        assert all(index.born_ms(each) == model[each] for each in model)
        assert index.used <= 100


def test_files_that_are_being_written_have_their_room():
    index = Index(100, policy("lru", 100))
    assert index.promise("a", 60) == (True, [])
    assert index.promise("b", 60) == (False, [])
    index.release(60)
    index.add("a", 60, 0)
    assert index.promise("b", 60) == (True, ["a"])


@pytest.fixture
def disk(tmp_path):
    return partial(Disk, tmp_path, 10_000_000, partial(policy, "lru"), count=lambda event: None)


async def test_an_object_is_found_before_all_of_the_folder_is_read(disk):
    first = disk()
    first.open()
    first.keep("k", whole(b"x"))
    await first.close()
    second = disk()
    second.open()
    found = await second.find("k")
    assert found is not None
    assert (await found.all()).body == b"x"
    await second.settled()
    assert "k" in second.index
    await second.close()


async def filled(disk, count):
    """A folder with that many objects, and a disk that has just begun to read it."""
    first = disk()
    first.open()
    for number in range(count):
        first.keep(f"k/{number}", whole(b"x"))
    await first.close()
    second = disk()
    second.open()
    return second


async def test_who_stops_does_not_read_all_of_the_folder_first(disk):
    stopped = await filled(disk, _BATCH + 1)
    await stopped.close()
    assert len(stopped.index) == 0
    stopped = disk()
    stopped.open()
    while not len(stopped.index):
        await asyncio.sleep(0)
    await stopped.close()
    assert len(stopped.index) == _BATCH
    last = disk()
    last.open()
    await last.settled()
    assert len(last.index) == _BATCH + 1
    await last.close()


async def test_who_stops_has_done_what_a_purge_asked_for(disk):
    stopped = await filled(disk, 3)
    stopped.forget_below(("k/",))
    await stopped.close()
    last = disk()
    last.open()
    assert [await last.find(f"k/{number}") for number in range(3)] == [None] * 3
    await last.close()


async def test_what_is_forgotten_meanwhile_does_not_come_back(disk):
    first = disk()
    first.open()
    first.keep("k", whole(b"x"))
    await first.close()
    second = disk()
    second.open()
    second.forget("k")
    assert await second.find("k") is None
    await second.settled()
    assert "k" not in second.index
    await second.close()


async def test_what_is_forgotten_while_it_is_written_is_not_kept(disk):
    edge = disk()
    edge.open()
    await edge.settled()
    edge.keep("k", whole(b"x"))
    growing = await edge.begin("l", Head({}, 0, freshness("")), 1)
    await edge.append(growing, b"y")
    landing = edge.commit(growing)
    edge.forget("k")
    assert await landing
    await edge.settled()
    edge.forget("k")
    assert await edge.find("k") is None
    assert await edge.find("l") is not None
    await edge.close()
