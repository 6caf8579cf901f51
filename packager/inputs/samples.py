"""Samples of one ISO BMFF track, wherever their tables were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from media.access_units import Sizes
from media.errors import BoxError

Runs = list[tuple[int, int]]  # how many samples in a row last how many ticks


@dataclass(frozen=True, slots=True)
class Samples:
    """`payload` holds them end to end; `durations` are runs of equal ones, in the track's timescale."""

    payload: bytes
    sizes: Sizes
    durations: Runs

    @property
    def ticks(self) -> int:
        return sum(count * ticks for count, ticks in self.durations)


def joined(parts: Sequence[Samples]) -> Samples:
    """One after the other."""
    sizes = [part.sizes for part in parts] or [numpy.empty(0, dtype=numpy.int64)]
    return Samples(
        b"".join(part.payload for part in parts),
        numpy.concatenate(sizes),
        [run for part in parts for run in part.durations],
    )


def cut(data: memoryview, start: int, sizes: Sizes, path: str) -> memoryview:
    """The bytes of samples that lie end to end from `start` on, as the box `path` has it.

    Raises `BoxError` when they do not all lie in `data`.
    """
    total = int(sizes.sum())
    if start < 0 or start + total > len(data):
        raise BoxError(path, 0, f"samples of {total} bytes from byte {start} on, the file has {len(data)}")
    return data[start : start + total]
