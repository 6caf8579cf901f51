"""Requests as columns: what a trace holds, what a generator makes, what caches are fed with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, TypeAlias

import numpy
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[numpy.int64]
Keys: TypeAlias = npt.NDArray[numpy.uint64]
Floats: TypeAlias = npt.NDArray[numpy.float64]
Flags: TypeAlias = npt.NDArray[numpy.bool_]

BATCH = 1 << 17  # requests that a reader hands over at once
WARMING = -2  # in `streams`: an edge's own request, ahead of listeners
BUNDLE = -3  # there, too: a start bundle out of a trace, which no tier answers
ANYWHERE = "trace"  # the region of requests that tell none


@dataclass(frozen=True, slots=True)
class Requests:
    """Columns of one length, in the order of time.

    `times` in ms, `keys` any 64 bits that name an object, `sizes` in bytes, `regions` as indices. `streams` says which
    start of a song waits for this request, is -1 for all that come later, `WARMING` for what no listener asked for, and `BUNDLE`. In traces the
    first segment is what a start waits for. `names` are those of the regions, as many as are known by now.
    """

    times: Ints
    keys: Keys
    sizes: Ints
    regions: Ints
    streams: Ints
    names: tuple[str, ...] = (ANYWHERE,)

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
            self.names,
        )


def joined(parts: list[Requests]) -> Requests:
    """Several batches as one."""
    return Requests(
        numpy.concatenate([part.times for part in parts]),
        numpy.concatenate([part.keys for part in parts]),
        numpy.concatenate([part.sizes for part in parts]),
        numpy.concatenate([part.regions for part in parts]),
        numpy.concatenate([part.streams for part in parts]),
        parts[-1].names,
    )


Row = tuple[int, int, int, str, int]  # time, key, size, region or nothing, stream


def batches(rows: Iterable[Row]) -> Iterator[Requests]:
    """Rows as columns, at most `BATCH` at once."""
    rows = iter(rows)
    places: dict[str, int] = {}
    while some := list(islice(rows, BATCH)):
        times, keys, sizes, regions, streams = zip(*some, strict=True)
        where = [places.setdefault(name or ANYWHERE, len(places)) for name in regions]
        yield replace(
            Requests.of(times, keys, sizes),
            regions=numpy.array(where, numpy.int64),
            streams=numpy.array(streams, numpy.int64),
            names=tuple(places),
        )


Source = Callable[[], Iterator[Requests]]
