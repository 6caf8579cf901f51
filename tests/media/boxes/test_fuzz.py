"""Broken, lying and hostile bytes: `BoxError` or a value, at once, and never memory for a count that lies."""

from __future__ import annotations

import random
import time
import tracemalloc
from contextlib import suppress

from media.boxes import parse
from media.errors import BoxError

MUTATIONS = 30_000
SECONDS = 60.0
INTERESTING = [bytes(4), b"\0\0\0\1", b"\0\0\0\x08", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\1\0\0"]


def heads(files: dict[str, bytes]) -> list[bytes]:
    """The files without most of their media data, which no parser looks into."""
    seeds = []
    for raw in files.values():
        parts = []
        for box in parse(raw):
            whole = box.to_bytes()
            parts.append(b"\0\0\0\x18mdat" + whole[8:24] if box.type == b"mdat" else whole)
        seeds.append(b"".join(parts[:8]))
    return seeds


def mutate(seed: bytes, chance: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        place = chance.randrange(len(data))
        match chance.randrange(6):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                data[place] = chance.randrange(256)
            case 2:
                data[place : place + 4] = chance.choice(INTERESTING)
            case 3:
                del data[place : place + chance.randrange(1, 24)]
            case 4:
                data[place:place] = data[: chance.randrange(1, 24)]
            case 5:
                data[place:place] = chance.randbytes(chance.randrange(1, 12))
        data = data or bytearray(b"\0")
    return bytes(data)


def test_mutated_files_raise_nothing_but_box_errors(foreign_files: dict[str, bytes]) -> None:
    chance = random.Random(20261101)
    seeds = heads(foreign_files)
    started, refused = time.monotonic(), 0
    for _ in range(MUTATIONS):
        data = mutate(chance.choice(seeds), chance)
        try:
            boxes = parse(data)
        except BoxError:
            refused += 1
            continue
        again = b"".join(box.to_bytes() for box in boxes)
        assert parse(again) == boxes
    assert MUTATIONS // 3 < refused < MUTATIONS
    assert time.monotonic() - started < SECONDS


def test_random_bytes_raise_nothing_but_box_errors() -> None:
    chance = random.Random(7)
    names = [
        b"moov",
        b"trun",
        b"sgpd",
        b"esds",
        b"stsd",
        b"tenc",
        b"pssh",
        b"sidx",
        b"elst",
        b"senc",
        b"mdat",
    ]
    for _ in range(MUTATIONS):
        body = chance.randbytes(chance.randrange(64))
        data = (len(body) + 8).to_bytes(4, "big") + chance.choice(names) + body
        with suppress(BoxError):
            parse(data)


def test_no_field_makes_the_parser_allocate_more_than_the_file_warrants(
    foreign_files: dict[str, bytes],
) -> None:
    tracemalloc.start()
    try:
        for seed in heads(foreign_files):
            for place in range(len(seed) - 3):
                data = (
                    seed[:place] + (b"\xff\xff\xff\xff", b"\x00\xff\xff\xff")[place % 2] + seed[place + 4 :]
                )
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[0]
                with suppress(BoxError):
                    b"".join(box.to_bytes() for box in parse(data))
                assert tracemalloc.get_traced_memory()[1] - before < 50 * len(data), place
    finally:
        tracemalloc.stop()
