"""Requests as columns: what a trace holds, what a generator makes, what caches are fed with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[numpy.int64]
Keys: TypeAlias = npt.NDArray[numpy.uint64]
Floats: TypeAlias = npt.NDArray[numpy.float64]
Flags: TypeAlias = npt.NDArray[numpy.bool_]

BATCH = 1 << 17  # requests that a reader hands over at once
WARMING = -2  # in `streams`: an edge's own request, ahead of listeners


@dataclass(frozen=True, slots=True)
class Requests:
    """Columns of one length, in the order of time.

    `times` in ms, `keys` any 64 bits that name an object, `sizes` in bytes, `regions` as indices. `streams` says which
    start of a song waits for this request, is -1 for all that come later and in traces, which do not tell, and `WARMING` for what no listener asked for.
    """

    times: Ints
    keys: Keys
    sizes: Ints
    regions: Ints
    streams: Ints

    @classmethod
    def of(cls, times: npt.ArrayLike, keys: npt.ArrayLike, sizes: npt.ArrayLike) -> Requests:
        """Of one region, without starts."""
        when = numpy.asarray(times, numpy.int64)
        return cls(
            when,
            numpy.asarray(keys, numpy.uint64),
            numpy.asarray(sizes, numpy.int64),
            numpy.zeros(len(when), numpy.int64),
            numpy.full(len(when), -1, numpy.int64),
        )

    def __len__(self) -> int:
        return len(self.times)

    def take(self, which: npt.NDArray[Any]) -> Requests:
        """Those that a mask or an array of indices names."""
        return Requests(
            self.times[which],
            self.keys[which],
            self.sizes[which],
            self.regions[which],
            self.streams[which],
        )


def joined(parts: list[Requests]) -> Requests:
    """Several batches as one."""
    return Requests(
        numpy.concatenate([part.times for part in parts]),
        numpy.concatenate([part.keys for part in parts]),
        numpy.concatenate([part.sizes for part in parts]),
        numpy.concatenate([part.regions for part in parts]),
        numpy.concatenate([part.streams for part in parts]),
    )


def batches(rows: Iterable[tuple[int, int, int]]) -> Iterator[Requests]:
    """Rows of time, key and size as columns, at most `BATCH` at once."""
    times: list[int] = []
    keys: list[int] = []
    sizes: list[int] = []
    for time, key, size in rows:
        times.append(time)
        keys.append(key)
        sizes.append(size)
        if len(times) == BATCH:
            yield Requests.of(times, keys, sizes)
            times, keys, sizes = [], [], []
    if times:
        yield Requests.of(times, keys, sizes)


Source = Callable[[], Iterator[Requests]]
