"""What all listeners of a run share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.crowd.habits import Charts
from edge_sim.crowd.notes import Notes
from edge_sim.crowd.settings import Settings
from edge_sim.player.connection import Stopwatch


@dataclass(slots=True)
class World:
    """`began_ns` is the beginning by the stopwatch; `lengths` are those of songs, in ms."""

    settings: Settings
    stopwatch: Stopwatch
    notes: Notes
    charts: Charts
    lengths: dict[str, int]
    began_ns: int = 0

    def ms(self) -> int:
        """Since the beginning."""
        return (self.stopwatch() - self.began_ns) // 1_000_000

    def slot(self) -> int:
        return self.notes.slot(self.ms())

    def somewhere(self, song: str, random: numpy.random.Generator) -> int:
        """A place in the song, not in its last tenth."""
        return int(random.integers(max(1, self.lengths.get(song, 0) * 9 // 10)))
