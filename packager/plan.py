"""The segment plan: where every rendition of a song is cut, decided once, in samples of the song.

A segment can only begin where an access unit begins. Renditions of one codec have units of one length behind one priming,
and a boundary between two units of one falls between two units of all. Those of different codecs share only some: every
fourth unit of AAC (1024 samples behind 1024 of priming) begins where a block of FLAC does (4096 behind none). `Grid` is
what they share, and all that a plan needs to know of them.

    media timeline         0     1024                                          units, priming first
    presentation timeline  −1024 0                                   samples   what a listener hears

The first segment is short, because a start waits for it. Each of the next is at most twice as long as the one before, as
the window of a new TCP connection doubles with each round trip, up to the target. The others share what is left evenly: none
is longer than the target, none is a sliver.

    >>> grid = common_grid([(1024, 1024)])
    >>> [piece.duration for piece in plan_segments(882000, grid=grid, first=35000, target=176400)]
    [34816, 69632, 139264, 159744, 159744, 159744, 159056]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from media.errors import FormatError


@dataclass(frozen=True, slots=True)
class Grid:
    """Where all renditions can be cut: at `first`, ``first + step``, …, in samples of the presentation timeline, above 0."""

    first: int
    step: int

    def at_most(self, place: int) -> int:
        """The last point up to `place`, or the first one where there is none."""
        return self.first + max(0, (place - self.first) // self.step) * self.step


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """`start` and `duration` in samples on the presentation timeline."""

    start: int
    duration: int

    @property
    def end(self) -> int:
        return self.start + self.duration


def units_needed(samples: int, *, priming: int, samples_per_unit: int) -> int:
    """How many access units hold `samples` audible samples behind `priming` inaudible ones."""
    return -(-(priming + samples) // samples_per_unit)


def common_grid(shapes: Iterable[tuple[int, int]]) -> Grid:
    """The grid of renditions of these primings and access units, in samples.

    A point b lies between two units of a rendition when ``b + priming`` is a multiple of its unit: one congruence each, which
    are joined two by two (the Chinese remainder theorem for moduli that share a divisor). Raises `FormatError` where no point
    fulfils all.
    """
    rest, step = 0, 1
    for priming, unit in dict.fromkeys(shapes):
        if priming < 0 or unit < 1:
            raise ValueError("a priming is at least 0, an access unit at least one sample")
        shared = gcd(step, unit)
        if (rest + priming) % shared:
            raise FormatError(
                f"units of {unit} samples behind {priming} of priming never begin where those of the other renditions do"
            )
        turns = (-priming - rest) // shared * pow(step // shared, -1, unit // shared)
        rest, step = rest + step * (turns % (unit // shared)), step // shared * unit
    return Grid(rest % step or step, step)


def plan_segments(
    samples: int, *, grid: Grid, first: int, target: int, least: int = 1
) -> tuple[PlannedSegment, ...]:
    """Cut a song of `samples` samples into segments of which the first lasts `first` and any other `target` at most.

    The durations add up to `samples` exactly; each is positive. `first` and `target` give way where a single step of the grid
    is longer, and `first` where what follows it is shorter than half of it. A last segment that would be shorter than `least`
    is part of the one before. `ValueError` for a song without
    samples or for lengths that are no lengths.
    """
    if min(samples, first, target) < 1:
        raise ValueError("a segment plan needs samples and lengths above zero")
    edge = grid.at_most(first)
    if 2 * (samples - edge) < edge:  # also when nothing is left
        return (PlannedSegment(0, samples),)
    edges = [0, edge]
    longest = max(1, target // grid.step)
    while True:
        rest = -(-(samples - edge) // grid.step)
        following = min(longest, max(1, 2 * (edge - edges[-2]) // grid.step))
        if following == longest or 2 * rest <= 3 * following:
            break
        edge += following * grid.step
        edges.append(edge)
    # What is left is shared evenly, the longer ones first, by one step.
    count = -(-rest // following)
    even, longer = divmod(rest, count)
    edges += [edge + (even * number + min(number, longer)) * grid.step for number in range(1, count)]
    while len(edges) > 1 and samples - edges[-1] < least:
        edges.pop()
    return tuple(PlannedSegment(start, end - start) for start, end in pairwise([*edges, samples]))
