"""How often each song of a catalogue is played: 1 % of the songs draw 90 % of the streams, 10 % draw 99 %.

Three power laws, one a part of the catalogue, that meet at 1 % and at 10 %. In the head the exponent follows from that: a density
that falls from the head's share into the middle's without a step needs 1 - 0.1/0.9; in the tail, from the root of 1 - 10^-u = u. The first twenty or so songs
are of one height (B. Mandelbrot's shift): without it a single song would draw every fortieth stream of the world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.simulator.requests import Floats, Ints

_PARTS = ((0.01, 0.90, 8 / 9), (0.10, 0.09, 2.0), (1.0, 0.01, 1.863))  # up to this rank, this share, exponent
_SHIFT = 20.0


@dataclass(frozen=True, slots=True)
class Popularity:
    """Of `songs` songs; ranks count from 0."""

    songs: int

    def shares(self, ranks: Ints) -> Floats:
        """Each one's share of all streams; over all ranks they add up to 1."""
        result = numpy.zeros(len(ranks))
        for first, last, share, exponent in self._parts():
            inside = (ranks >= first) & (ranks < last)
            weights = (ranks[inside] + 1 + _SHIFT) ** -exponent
            result[inside] = share * weights / _sum(first, last, exponent)
        return result

    def _parts(self) -> list[tuple[int, int, float, float]]:
        """First rank, the one after the last, share, exponent; parts without songs leave their share to the others."""
        parts = []
        first, given = 0, 0.0
        for limit, share, exponent in _PARTS:
            last = round(limit * self.songs)
            if last > first:
                parts.append((first, last, share, exponent))
                given += share
            first = last
        return [(first, last, share / given, exponent) for first, last, share, exponent in parts]


def _sum(first: int, last: int, exponent: float) -> float:
    """Of ``(rank + 1 + shift) ** -exponent`` over the ranks: exact for the first thousand, then the midpoint rule."""
    exact = min(last, first + 1000)
    total = float(((numpy.arange(first, exact) + 1 + _SHIFT) ** -exponent).sum())
    if last > exact:
        power = 1 - exponent
        ends = numpy.array([exact + 0.5, last + 0.5]) + _SHIFT
        total += float(numpy.diff(ends**power)[0] / power)
    return total
