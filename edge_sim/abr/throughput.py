"""Rate-based adaptation: ask for what fits the measured link, with something left over.

Z. Li, X. Zhu, J. Gahm, R. Pan, H. Hu, A. C. Begen, D. Oran: "Probe and Adapt: Rate Adaptation for HTTP Video Streaming At Scale" (IEEE JSAC,
2014), §III: measure, smooth, leave a margin, quantise. Players smooth with two exponentially weighted means and take the smaller: the one that
forgets quickly sees the link fall, the one that forgets slowly waits until it stays good. A transfer weighs as much as it took.

They differ in the margin only, so they are `Profile`s of one rule:

             forgets half in   climbs to what fits in   keeps what fits in
    OURS     2 s and 8 s       70 % with 6 s in hand    100 %, below 3 s in hand 70 %
    HLS_JS   3 s and 9 s       70 %                     95 %
    DASH_JS  3 s and 8 s       90 %                     90 %

`OURS` is web/player/abr.js, choice by choice, but for the estimate's fraction of a bit; a test holds the two together. Of hls.js the rule that
gives up a segment on its way is left out, and of dash.js what it does beside its ThroughputRule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from edge_sim.abr import Situation


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares are in thousandths of the estimate. What is smaller or shorter than the limits measures something else than the link."""

    half_lives_ms: tuple[int, int]
    climb: int
    keep: int
    calm_ms: int = 0  # in hand before it climbs
    haste_ms: int = 0  # in hand below which even what is there must fit as if it were new
    fewest_bytes: int = 1
    shortest_ms: int = 1


OURS = Profile((2000, 8000), 700, 1000, calm_ms=6000, haste_ms=3000, fewest_bytes=4096, shortest_ms=5)
HLS_JS = Profile((3000, 9000), 700, 950)
DASH_JS = Profile((3000, 8000), 900, 900)


@dataclass(slots=True)
class _Mean:
    half_life_ms: int
    value: float = 0.0
    weight: float = 0.0  # of what was measured, against the zero it began with

    def add(self, bits_per_second: float, span_ms: int) -> None:
        kept = 0.5 ** (span_ms / self.half_life_ms)
        self.value = self.value * kept + bits_per_second * (1 - kept)
        self.weight = self.weight * kept + 1 - kept


@dataclass(slots=True)
class Throughput:
    """Follows `edge_sim.abr.Abr`."""

    profile: Profile = OURS
    _means: list[_Mean] = field(init=False)

    def __post_init__(self) -> None:
        self._means = [_Mean(half_life) for half_life in self.profile.half_lives_ms]

    @property
    def estimate(self) -> int | None:
        """The link in bit/s; nothing before anything was measured."""
        if not self._means[0].weight:
            return None
        return round(min(mean.value / mean.weight for mean in self._means))

    def measured(self, size: int, took_ms: int) -> None:
        if size < self.profile.fewest_bytes:
            return
        span = max(took_ms, self.profile.shortest_ms)
        for mean in self._means:
            mean.add(size * 8000 / span, span)

    def moved(self) -> None:
        """The link is the same."""

    def dry(self) -> None:
        """The next choice sees the empty buffer."""

    def choose(self, ladder: Sequence[int], situation: Situation) -> int:
        stay = situation.start if situation.current is None else situation.current
        estimate = self.estimate
        if estimate is None:
            return stay
        best = fitting(ladder, estimate, self.profile.climb)
        if best > stay:
            return best if situation.ahead_ms >= self.profile.calm_ms else stay
        if situation.ahead_ms < self.profile.haste_ms:
            return best
        return min(stay, fitting(ladder, estimate, self.profile.keep))


def fitting(ladder: Sequence[int], estimate: int, thousandths: int) -> int:
    """The highest that fits such a part of the estimate, or else the lowest."""
    return max(
        (index for index, bandwidth in enumerate(ladder) if bandwidth * 1000 <= estimate * thousandths),
        default=0,
    )
