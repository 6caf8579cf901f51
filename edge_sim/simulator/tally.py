"""Counting while requests go by: by region, by the tier that answered, by time."""

from __future__ import annotations

import numpy

from edge_sim.simulator.requests import Floats, Ints, Requests
from edge_sim.simulator.topology import TIERS

BINS = 96


class Tally:
    """`requests` and `bytes` are arrays of regions × tiers × `BINS`.

    With `wrap`, a day is what time goes round in: what is left of a stream after midnight stands for what was left of
    yesterday's. Without, bins become twice as wide whenever time has filled them all, so that a trace may be as long as it likes.
    """

    def __init__(self, regions: int, *, width_ms: int, wrap: bool) -> None:
        self.width_ms = width_ms
        self.requests: Floats = numpy.zeros((regions, len(TIERS), BINS))
        self.bytes: Floats = numpy.zeros((regions, len(TIERS), BINS))
        self._wrap = wrap

    def reach(self, time_ms: int) -> None:
        """Have a bin for this time, counted from the beginning."""
        while not self._wrap and time_ms >= self.width_ms * BINS:
            self.width_ms *= 2
            self.requests = _halved(self.requests)
            self.bytes = _halved(self.bytes)

    def have(self, regions: int) -> None:
        """Have a row for so many regions."""
        more = ((0, max(0, regions - len(self.requests))), (0, 0), (0, 0))
        self.requests = numpy.pad(self.requests, more)
        self.bytes = numpy.pad(self.bytes, more)

    def add(self, requests: Requests, answered: Ints, since_ms: int) -> None:
        if not len(requests):
            return
        times = requests.times - since_ms
        self.reach(int(times.max()))
        bins = times // self.width_ms % BINS
        place = (requests.regions * len(TIERS) + answered) * BINS + bins
        shape = self.requests.shape
        self.requests += numpy.bincount(place, minlength=self.requests.size).reshape(shape)
        self.bytes += numpy.bincount(place, requests.sizes, minlength=self.bytes.size).reshape(shape)


def _halved(counts: Floats) -> Floats:
    pairs = counts.reshape(*counts.shape[:2], BINS // 2, 2).sum(axis=3)
    return numpy.concatenate([pairs, numpy.zeros_like(pairs)], axis=2)
