"""BOLA: the buffer says what to ask for, the link need not be known.

K. Spiteri, R. Urgaonkar, R. K. Sitaraman: "BOLA: Near-Optimal Bitrate Adaptation for Online Videos" (IEEE/ACM ToN 28(4), 2020; arXiv 1601.06748), and
the parts of BOLA-E of K. Spiteri, R. Sitaraman, D. Sparacio: "From Theory to Practice: Improving Bitrate Adaptation in the DASH Reference Player"
(ACM TOMM 15(2s), 2019).

Of renditions with bit rate S_m and utility u_m = ln(S_m / S_1), with a buffer of Q, take the one where

    (V · (u_m + g) - Q) / S_m

is greatest: a Lyapunov drift against a reward, per bit. V and g follow from two points that a reader can check: at `minimum_ms` in hand the lowest rendition
stops to be worth more than waiting, so V·(0 + g - 1) is that buffer when utilities count from 1; at `target_ms` the same holds for the highest. dash.js
has the same two equations. For a ladder of music (24, 96, 160, 320 kbit/s) and 10 s and 30 s the thresholds are 14.2, 22.5 and 27.0 s.

BOLA-BASIC would begin each song with an empty buffer, and so with 24 kbit/s. Hence from BOLA-E: until a segment is in hand, the link decides, and a
*placeholder* of buffer that is not there makes BOLA agree with it; it fades with every segment, and is gone when the music stops. And from BOLA-O:
never climb above what the link bears, which BOLA would do only to come down again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

from edge_sim.abr import Situation
from edge_sim.abr.throughput import DASH_JS, Throughput, fitting

_FADE = 990  # thousandths of the placeholder that are left after a segment


@dataclass(slots=True)
class Bola:
    """Follows `edge_sim.abr.Abr`. `segment_ms` in hand end the start."""

    minimum_ms: int = 10_000
    target_ms: int = 30_000
    segment_ms: int = 4_000
    link: Throughput = field(default_factory=lambda: Throughput(DASH_JS))
    placeholder_ms: int = 0
    _starting: bool = True

    @property
    def estimate(self) -> int | None:
        return self.link.estimate

    def measured(self, size: int, took_ms: int) -> None:
        self.link.measured(size, took_ms)

    def moved(self) -> None:
        self._starting = True

    def dry(self) -> None:
        self.placeholder_ms = 0

    def choose(self, ladder: Sequence[int], situation: Situation) -> int:
        bears = None if self.estimate is None else fitting(ladder, self.estimate, self.link.profile.keep)
        before = situation.start if situation.current is None else situation.current
        if self._starting and situation.ahead_ms < self.segment_ms:
            chosen = before if bears is None else bears
            level = self.thresholds(ladder)[chosen]
            self.placeholder_ms = max(0, level - situation.ahead_ms)
            return chosen
        self._starting = False
        self.placeholder_ms = self.placeholder_ms * _FADE // 1000
        chosen = self.by_buffer(ladder, situation.ahead_ms + self.placeholder_ms)
        if bears is not None and chosen > max(bears, before):
            chosen = max(bears, before)
        return chosen

    def by_buffer(self, ladder: Sequence[int], buffer_ms: int) -> int:
        """BOLA-BASIC; of two that are worth the same, the higher."""
        scores = [
            (reward - buffer_ms) / bandwidth
            for reward, bandwidth in zip(self._rewards(ladder), ladder, strict=True)
        ]
        return max(range(len(ladder)), key=lambda index: (scores[index], index))

    def thresholds(self, ladder: Sequence[int]) -> list[int]:
        """For each rendition the least buffer, in ms, at which it is worth as much as each one below."""
        rewards = self._rewards(ladder)
        levels = [0]
        for index in range(1, len(ladder)):
            crossings = (
                (ladder[index] * rewards[lower] - ladder[lower] * rewards[index])
                / (ladder[index] - ladder[lower])
                for lower in range(index)
                if ladder[index] > ladder[lower]
            )
            levels.append(max(0, -int(-max(crossings, default=0.0) // 1)))
        return levels

    def _rewards(self, ladder: Sequence[int]) -> list[float]:
        """V · (u + g) of each, in ms. A ladder of one has nothing to weigh."""
        utilities = [log(bandwidth / ladder[0]) for bandwidth in ladder]
        if not utilities[-1]:
            return [0.0 for _ in ladder]
        gain = utilities[-1] / (self.target_ms / self.minimum_ms - 1)
        control = self.minimum_ms / gain
        return [control * (utility + gain + 1) for utility in utilities]
