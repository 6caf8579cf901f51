"""What a song consists of on the wire: objects, with their sizes, as the packager would cut them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy

from edge_sim.simulator.hashing import mix
from edge_sim.simulator.requests import Ints, Keys
from packager.plan import common_grid, plan_segments

BITRATES = numpy.array([24_000, 96_000, 160_000, 320_000])  # low, normal, high, very_high
START = 1  # a start begins with `normal`, or with `low` for those who never get more
_RATE = 44_100
_FIRST = 29_000  # samples: what fits a start bundle at 96 kbit/s, header and words included
_TARGET = 4 * _RATE
_SHORTEST, _LONGEST = 30, 900  # seconds
PRESENTATION, INIT, SEGMENTS = 0, 1, 2  # numbers of a song's objects: segments from 2 on
_NUMBER_BITS, _RENDITION_BITS = 11, 2
_PRESENTATION_BYTES, _INIT_BYTES = 4_000, 800
_FRAGMENT_BYTES = 600  # moof: box headers and a run table


@dataclass(frozen=True, slots=True)
class Plans:
    """The segment plans of all lengths in whole seconds, one behind the other.

    Segment k of a song of s seconds is at ``first[s] + k``; `starts` and `durations` in ms.
    """

    first: Ints
    starts: Ints
    durations: Ints

    def count(self, seconds: Ints, until_ms: Ints) -> Ints:
        """How many segments begin before `until_ms`, in songs of so many seconds."""
        counts = numpy.empty(len(seconds), numpy.int64)
        order = numpy.argsort(seconds, kind="stable")
        for length, where in _groups(seconds[order]):
            chosen = order[where]
            starts = self.starts[self.first[length] : self.first[length + 1]]
            counts[chosen] = numpy.searchsorted(starts, until_ms[chosen])
        return counts

    def segments(self, seconds: Ints) -> Ints:
        """How many segments songs of so many seconds have."""
        return self.first[seconds + 1] - self.first[seconds]


@cache
def plans() -> Plans:
    """Made by the packager's own planner."""
    grid = common_grid([(1024, 1024)])
    first, starts, durations = [0] * (_SHORTEST + 1), [], []
    for seconds in range(_SHORTEST, _LONGEST + 1):
        for piece in plan_segments(seconds * _RATE, grid=grid, first=_FIRST, target=_TARGET):
            starts.append(piece.start * 1000 // _RATE)
            durations.append(piece.duration * 1000 // _RATE)
        first.append(len(starts))
    return Plans(numpy.array(first), numpy.array(starts), numpy.array(durations))


def lengths(songs: Ints) -> Ints:
    """Each song's length in whole seconds: around three and a half minutes, the same whenever one asks."""
    half = numpy.uint64(32)
    mixed = mix(songs.astype(numpy.uint64) ^ numpy.uint64(0x5EC0))
    first = ((mixed >> half).astype(numpy.float64) + 0.5) / 2**32
    second = (mixed & numpy.uint64(0xFFFFFFFF)).astype(numpy.float64) / 2**32
    normal = numpy.sqrt(-2 * numpy.log(first)) * numpy.cos(2 * numpy.pi * second)  # Box and Muller
    seconds = numpy.exp(numpy.log(205) + 0.3 * normal)
    return numpy.asarray(numpy.clip(seconds, _SHORTEST, _LONGEST), numpy.int64)


def keys(songs: Ints, renditions: Ints, numbers: Ints) -> Keys:
    """Names of objects: song, rendition and number, side by side."""
    packed = (songs << _RENDITION_BITS | renditions) << _NUMBER_BITS | numbers
    return packed.astype(numpy.uint64)


def number(names: Keys) -> Ints:
    """Which of its song's objects each of these is."""
    return (names & numpy.uint64((1 << _NUMBER_BITS) - 1)).astype(numpy.int64)


def song(names: Keys) -> Ints:
    """Whose objects these are."""
    return (names >> numpy.uint64(_NUMBER_BITS + _RENDITION_BITS)).astype(numpy.int64)


def sizes(names: Keys, durations: Ints) -> Ints:
    """Bytes of the objects of these names: segments of so many ms are up to a twentieth larger or smaller than their rate says."""
    numbers = number(names)
    renditions = (names >> numpy.uint64(_NUMBER_BITS)).astype(numpy.int64) & 3
    tenth = (mix(names) % numpy.uint64(101)).astype(numpy.int64) + 950
    media = BITRATES[renditions] * durations // 8000 * tenth // 1000 + _FRAGMENT_BYTES
    return numpy.where(
        numbers == PRESENTATION, _PRESENTATION_BYTES, numpy.where(numbers == INIT, _INIT_BYTES, media)
    )


def _groups(sorted_values: Ints) -> Iterator[tuple[int, slice]]:
    values, places = numpy.unique(sorted_values, return_index=True)
    ends = numpy.append(places[1:], len(sorted_values))
    for value, start, end in zip(values.tolist(), places.tolist(), ends.tolist(), strict=True):
        yield value, slice(start, end)
