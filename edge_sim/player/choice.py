"""Which rendition a start begins with, chosen by what the starts before it told of the link (`edge_sim.abr`).

The ladder is known before anyone presses play: a listener's player knows it from the songs that it has played.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_sim.abr import Abr, Situation
from edge_sim.player.waterfall import Waterfall
from media.presentation import Presentation

_MEDIA = {"bundle", "segment"}  # spans that carry enough to tell a rate


@dataclass(slots=True)
class Choice:
    """`names` from the leanest to the richest of the family that the song starts in; `start` is its own choice, an index."""

    abr: Abr
    names: tuple[str, ...]
    ladder: tuple[int, ...]
    start: int

    @classmethod
    def of(cls, presentation: Presentation, abr: Abr) -> Choice:
        own = presentation.rendition(presentation.start_rendition)
        family = sorted(
            (each for each in presentation.renditions if each.codec == own.codec),
            key=lambda each: each.bandwidth,
        )
        names = tuple(each.name for each in family)
        return cls(abr, names, tuple(each.bandwidth for each in family), names.index(own.name))

    def next(self) -> str:
        """Nothing is in hand when somebody presses play."""
        return self.names[self.abr.choose(self.ladder, Situation(0, None, self.start))]

    def started(self, waterfall: Waterfall) -> None:
        """Learn from a start. Another song may come, so the next one has an empty buffer again."""
        for span in waterfall.spans:
            if span.name in _MEDIA:
                self.abr.measured(span.size, max(1, span.ns // 1_000_000))
        self.abr.moved()
