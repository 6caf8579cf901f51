"""How bytes go wrong: by chance, and by intent."""

from __future__ import annotations

import random

EXTREMES = [
    bytes(4),
    b"\0\0\0\1",
    b"\0\0\0\7",
    b"\0\0\0\x08",
    b"\x7f\xff\xff\xff",
    b"\x80\0\0\0",
    b"\xff\xff\xff\xff",
]
CONTAINERS = [
    b"moov",
    b"trak",
    b"mdia",
    b"minf",
    b"stbl",
    b"moof",
    b"traf",
    b"edts",
    b"dinf",
    b"schi",
    b"udta",
    b"ludt",
]
DEEPEST = 40


def box(kind: bytes, body: bytes) -> bytes:
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """`data` with one to eight things wrong; `other` is what may be spliced in."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        _break(broken, other, chance)
    return bytes(broken)


def _break(data: bytearray, other: bytes, chance: random.Random) -> None:
    place = chance.randrange(len(data) + 1)
    what = chance.randrange(10)
    if what == 0 and data:
        data[place - 1] ^= 1 << chance.randrange(8)
    elif what == 1 and data:
        data[place - 1] = chance.randrange(256)
    elif what <= 3:  # lengths and counts are words, most of them at a multiple of four
        place -= place % 4 if what == 2 else 0
        data[place : place + 4] = chance.choice(EXTREMES)
    elif what == 4:
        data[place : place + 4] = chance.randbytes(4)
    elif what == 5:
        del data[place:]
    elif what == 6:
        del data[place : place + chance.randrange(1, 24)]
    elif what == 7:
        data[place:place] = data[: chance.randrange(1, 24)]
    elif what == 8:
        data[place:place] = other
    else:
        data[place:place] = chance.randbytes(chance.randrange(1, 12))


def resized(data: bytes) -> bytes:
    """The first box made as long as the whole, so that what is wrong inside is looked at."""
    return len(data).to_bytes(4, "big") + data[4:]


def nested(data: bytes, chance: random.Random) -> bytes:
    """`data` in containers in containers."""
    for _ in range(chance.randrange(1, DEEPEST)):
        data = box(chance.choice(CONTAINERS), data)
    return data
