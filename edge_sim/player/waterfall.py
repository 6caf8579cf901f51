"""One start as spans of time, many starts as percentiles. All times are integer nanoseconds since "play"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["cold", "warm"]


@dataclass(frozen=True, slots=True)
class Span:
    """One phase: `name` is connect, grant, manifest…; `size` in bytes; `cache` is what the nearest cache said (hit, miss, …)."""

    name: str
    start_ns: int
    stop_ns: int
    size: int = 0
    cache: str = ""

    @property
    def ns(self) -> int:
        return self.stop_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One start. `samples` audible samples came out of the first decode, the loudest of them `peak` (full scale 1).

    `segment` is the address of what sounded first, without its token; `protection` how it was encrypted.
    """

    kind: Kind
    spans: tuple[Span, ...]
    samples: int
    peak: float
    segment: str = ""
    protection: str = "none"

    @property
    def total_ns(self) -> int:
        """From "play" to the first audible sample."""
        return max(span.stop_ns for span in self.spans)

    def to_dict(self) -> dict[str, Any]:
        """The machine's view, in ms."""
        return {
            "kind": self.kind,
            "total_ms": ms(self.total_ns),
            "samples": self.samples,
            "peak": round(self.peak, 6),
            "segment": self.segment,
            "protection": self.protection,
            "spans": [
                {
                    "name": span.name,
                    "start_ms": ms(span.start_ns),
                    "ms": ms(span.ns),
                    "bytes": span.size,
                    "cache": span.cache,
                }
                for span in self.spans
            ],
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """Start times of one kind, in ns; percentiles by nearest rank, so that each is a start that happened."""

    runs: int
    p50_ns: int
    p95_ns: int
    p99_ns: int

    @classmethod
    def of(cls, waterfalls: Sequence[Waterfall]) -> Summary:
        """Raises `ValueError` when there are none."""
        totals = sorted(waterfall.total_ns for waterfall in waterfalls)
        return cls(len(totals), *(nearest_rank(totals, percent) for percent in (50, 95, 99)))

    def meets(self, target_ms: int) -> bool:
        return self.p95_ns <= target_ms * 1_000_000

    def to_dict(self) -> dict[str, Any]:
        return {
            "runs": self.runs,
            "p50_ms": ms(self.p50_ns),
            "p95_ms": ms(self.p95_ns),
            "p99_ms": ms(self.p99_ns),
        }


def by_kind(waterfalls: Sequence[Waterfall]) -> dict[Kind, list[Waterfall]]:
    """Cold starts, then warm ones, in the order in which they happened; a kind that did not happen is left out."""
    kinds: tuple[Kind, ...] = ("cold", "warm")
    sorted_out = {kind: [start for start in waterfalls if start.kind == kind] for kind in kinds}
    return {kind: starts for kind, starts in sorted_out.items() if starts}


def nearest_rank(ordered: Sequence[int], percent: int) -> int:
    """The smallest value that at least `percent` % of the values do not exceed."""
    if not ordered:
        raise ValueError("no values, no percentile")
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def ms(nanoseconds: int) -> float:
    return round(nanoseconds / 1_000_000, 3)
