"""A million mutated boxes and files: see `limits`."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

from limits import soak
from mutations import mutated, nested, resized
from spelling import same

from media.boxes import parse, places
from media.errors import BoxError

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")

seeds = {path: path.read_bytes() for path in sorted(Path(sys.argv[1]).iterdir())}
boxes = [data for path, data in seeds.items() if path.suffix == ".box"]
files = [data for path, data in seeds.items() if path.suffix in (".mp4", ".m4a", ".m4s")]


def make(chance: random.Random) -> bytes:
    seed = chance.choice(files if chance.random() < 0.08 else boxes)
    data = mutated(seed, chance.choice(boxes), chance)
    if chance.random() < 0.5:
        data = resized(data)
    return nested(data, chance) if chance.random() < 0.05 else data


def attempt(data: bytes) -> bool:
    try:
        found = parse(data)
    except BoxError as error:
        check(error, data)
        return False
    again = b"".join(box.to_bytes() for box in found)
    assert len(places(data)) == len(found)
    if again != data:
        assert parse(again) == found, "it is read as something else"
        assert same(data, again), f"written again as {again.hex()}"
    return True


def check(error: BoxError, data: bytes) -> None:
    """The message is one line; it names a box that begins before the byte it names, which is there."""
    text = str(error)
    assert text.isprintable(), text
    assert text == f"{error.path} at byte {error.offset}: {error.reason}"
    assert 0 <= error.offset <= len(data), text
    # A type may have a slash in it; its end is enough.
    name = re.sub("/descriptor .*", "", error.path).rpartition("/")[2]
    kind = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name).encode("latin-1")[-4:]
    assert kind == b"file" or kind in data[: error.offset + 8], text


if __name__ == "__main__":
    soak(make, attempt)
