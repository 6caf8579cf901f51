"""Which rendition next? One algorithm a file, each with the paper that it comes from.

A ladder is the bandwidths of the renditions in bit/s, ascending, and a choice is an index into it. Sizes are bytes and times milliseconds, all
of them integers; the clock is the caller's. To add one: a file here with a class that follows `Abr`, and its name in `NAMES` and `abr`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Situation:
    """`ahead_ms` can be played without waiting; `current` is what came last, nothing before the first; a start is made with `start`."""

    ahead_ms: int
    current: int | None
    start: int


class Abr(Protocol):
    """One listener's; it lives as long as the session."""

    @property
    def estimate(self) -> int | None:
        """The link in bit/s; nothing before anything was measured."""

    def measured(self, size: int, took_ms: int) -> None:
        """A transfer of `size` bytes came in so many ms."""

    def moved(self) -> None:
        """The playhead jumped, into another song perhaps: the buffer says nothing about the link any more."""

    def dry(self) -> None:
        """The buffer ran empty while the song played."""

    def choose(self, ladder: Sequence[int], situation: Situation) -> int:
        """For the next segment."""


NAMES = ("throughput", "bola")


def abr(name: str) -> Abr:
    """A fresh one of `NAMES`."""
    from edge_sim.abr.bola import Bola
    from edge_sim.abr.throughput import Throughput

    makers: dict[str, type[Bola] | type[Throughput]] = {"throughput": Throughput, "bola": Bola}
    return makers[name]()
