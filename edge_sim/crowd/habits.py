"""What a listener wants: which song, how much of it, how many, how long to wait.

songs       Zipf, in the design's shape (`edge_sim.simulator.popularity`), the catalogue's first the most popular
a session   10 songs on average, geometric: a listener who has heard five is no nearer to the end than one who just came
heard       35 % skip within 30 s, half of all before the end (`edge_sim.simulator.listeners.listened`)
seeks       one song in ten, to anywhere in it
patience    2 s, then 5.8 % of those who still wait give up each second: S. S. Krishnan, R. K. Sitaraman, "Video Stream Quality Impacts Viewer
            Behavior" (IMC 2012), §5.2
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.simulator.listeners import listened
from edge_sim.simulator.popularity import Popularity
from edge_sim.simulator.requests import Floats

SONGS = 10  # a session, on average
_SEEKS = 0.1
_PATIENCE_MS, _HAZARD = 2000, 0.058  # and then, a second


@dataclass(frozen=True, slots=True)
class Wish:
    """How a listener will hear a song of `length` ms: `leave` it at a position, and before that jump from one to another."""

    leave: int
    seek: tuple[int, int] | None = None


class Charts:
    """A catalogue with its popularity."""

    def __init__(self, songs: list[str]) -> None:
        self.songs = songs
        self.shares = Popularity(len(songs)).shares(numpy.arange(len(songs)))
        self._sums: Floats = numpy.cumsum(self.shares)

    def draw(self, random: numpy.random.Generator) -> str:
        place = int(numpy.searchsorted(self._sums, random.random() * self._sums[-1], side="right"))
        return self.songs[min(place, len(self.songs) - 1)]

    def drawn_by(self, part: float) -> float:
        """The share of streams of so great a part of the catalogue, at least of one song."""
        return float(self.shares[: max(1, round(part * len(self.songs)))].sum())


class Habits:
    """One listener's, from a seed of its own."""

    def __init__(self, random: numpy.random.Generator) -> None:
        self.random = random

    def songs(self) -> int:
        return int(self.random.geometric(1 / SONGS))

    def wish(self, length: int) -> Wish:
        heard = int(listened(self.random, numpy.array([max(1, -(-length // 1000))]))[0])
        leave = min(heard, length)
        if leave < 2000 or self.random.random() >= _SEEKS:
            return Wish(leave)
        return Wish(leave, (int(self.random.integers(leave)), int(self.random.integers(leave))))

    def patience_ms(self) -> int:
        return _PATIENCE_MS + int(self.random.exponential(1000 / _HAZARD))
