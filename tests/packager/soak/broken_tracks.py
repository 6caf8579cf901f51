"""Mutated init and media segments through those who make sense of boxes, and through ``inspect``: see `limits`."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from broken_boxes import boxes, check, files
from limits import soak
from mutations import mutated, resized

from media.errors import BoxError, FormatError
from packager.fragments import read_init, read_segment
from packager.inspect.inspection import report

INITS = {
    scheme: read_init((Path(sys.argv[1]) / f"{scheme}-audio-normal-init.mp4").read_bytes())
    for scheme in ("none", "cbcs", "cenc")
}


def make(chance: random.Random) -> bytes:
    data = mutated(chance.choice(files), chance.choice(boxes), chance)
    return resized(data) if chance.random() < 0.1 else data


def attempt(data: bytes) -> bool:
    readings = [read_init, *(partial(read_segment, init=init, key=bytes(16)) for init in INITS.values())]
    accepted = [_read(reading, data) for reading in readings]
    try:
        error = report("x", memoryview(data)).error
    except FormatError as caught:
        error = str(caught)
    assert len(error.splitlines()) <= 1, error
    return any(accepted)


def _read(reading: Callable[[bytes], Any], data: bytes) -> bool:
    try:
        reading(data)
    except BoxError as error:
        check(error, data)
        return False
    return True


if __name__ == "__main__":
    soak(make, attempt)
