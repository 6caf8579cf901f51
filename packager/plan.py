"""The segment plan: where every rendition of a song is cut, decided once.

A segment can only begin where an access unit begins. All renditions have units of the same length and the same
priming, so a boundary that falls between two units of one falls between two units of all, and the plan is made
from numbers alone, before a byte is looked at.

    media timeline         0     1024                                          units, priming first
    presentation timeline  −1024 0                                   samples   what a listener hears

The first segment is short, because a start waits for it. The others share what is left evenly: none is longer than
the target, none is a sliver, and at most two lengths occur, so that a DASH timeline is three lines long.

    >>> [(piece.start, piece.duration) for piece in plan_segments(
    ...     441000, sample_rate=44100, priming=1024, samples_per_unit=1024, first_ms=1000, target_ms=4000)]
    [(0, 44032), (44032, 133120), (177152, 132096), (309248, 131752)]
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """Units ``start_unit … stop_unit-1``; `start` and `duration` in samples on the presentation timeline."""

    start_unit: int
    stop_unit: int
    start: int
    duration: int


def units_needed(samples: int, *, priming: int, samples_per_unit: int) -> int:
    """How many access units hold `samples` audible samples behind `priming` inaudible ones."""
    return -(-(priming + samples) // samples_per_unit)


def plan_segments(
    samples: int, *, sample_rate: int, priming: int, samples_per_unit: int, first_ms: int, target_ms: int
) -> tuple[PlannedSegment, ...]:
    """Cut a song of `samples` samples. The durations add up to `samples` exactly; each is positive.

    A first segment takes along what follows it when that is shorter than half of it. `ValueError` for a song without
    samples or for lengths that are no lengths.
    """
    if min(samples, sample_rate, samples_per_unit, first_ms, target_ms) < 1 or priming < 0:
        raise ValueError("a segment plan needs samples, a rate, a unit and target lengths above zero")
    total = units_needed(samples, priming=priming, samples_per_unit=samples_per_unit)
    target = max(1, target_ms * sample_rate // 1000 // samples_per_unit)
    # Whatever the priming, something audible is in the first segment.
    first = max(
        priming // samples_per_unit + 1, (first_ms * sample_rate // 1000 + priming) // samples_per_unit
    )
    audible = first * samples_per_unit - priming
    if 2 * (total - first) * samples_per_unit < audible:
        first = total

    rest = total - first
    count = -(-rest // target)
    even, longer = divmod(rest, count) if count else (0, 0)  # the longer ones come first, by one unit
    stops = [first + even * number + min(number, longer) for number in range(1, count + 1)]
    edges = [0, first, *stops]
    starts = [max(0, edge * samples_per_unit - priming) for edge in edges[:-1]]
    return tuple(
        PlannedSegment(start_unit, stop_unit, start, end - start)
        for start_unit, stop_unit, start, end in zip(
            edges, edges[1:], starts, [*starts[1:], samples], strict=False
        )
    )
