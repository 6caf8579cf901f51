"""Two runs side by side. Machines are noisy: a change below a tenth is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_sim.report.comparison import Row

_NOISE = 0.1


def rows(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Row]:
    """All that both have."""
    for kind in ("warm", "cold"):
        for name in ("p50", "p95", "p99"):
            pair = [each["starts"][kind].get(name) for each in (before, after)]
            yield _times(f"start, {kind}, {name}", *pair)
    if before["open_loop"] and after["open_loop"]:
        for name in ("p50", "p99", "p99.9"):
            pair = [each["open_loop"]["from_due"][name] for each in (before, after)]
            yield _times(f"open loop, {name}", *pair)
    for name, (kind, better_up) in {
        "hit ratio": ("cache", True),
        "rebuffer ratio": ("rebuffer", False),
    }.items():
        first, second = before[kind]["ratio"], after[kind]["ratio"]
        change = second - first
        verdict = "same" if abs(change) < 0.001 else "better" if (change > 0) == better_up else "worse"
        yield Row(name, f"{first:.2%}", f"{second:.2%}", f"{change * 100:+.2f} points", verdict)
    rates = [each["requests"]["per_s"] for each in (before, after)]
    yield Row("requests a second", f"{rates[0]:.0f}", f"{rates[1]:.0f}", _change(*rates), "")
    failed = [sum(each["failures"].values()) for each in (before, after)]
    verdict = "same" if failed[0] == failed[1] else "better" if failed[1] < failed[0] else "worse"
    yield Row("failures", str(failed[0]), str(failed[1]), f"{failed[1] - failed[0]:+d}", verdict)


def _times(name: str, before: float | None, after: float | None) -> Row:
    texts = [f"{each:.1f} ms" if each is not None else "–" for each in (before, after)]
    if not before or after is None:
        return Row(name, *texts, "–", "")
    verdict = "same" if abs(after / before - 1) < _NOISE else "better" if after < before else "worse"
    return Row(name, *texts, _change(before, after), verdict)


def _change(before: float, after: float) -> str:
    return f"{(after / before - 1) * 100:+.0f} %" if before else "–"
