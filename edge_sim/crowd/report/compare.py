"""Two runs side by side. Two runs of the same thing differ too: less than a twentieth, or a millisecond, counts as nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_sim.crowd.report.words import groups, ms, percent
from edge_sim.report.comparison import Row
from edge_sim.report.words import amount

Document = dict[str, Any]


def rows(before: Document, after: Document) -> Iterator[Row]:
    """All that both have."""
    first, second = dict(groups(before)), dict(groups(after))
    for name in first:
        for key in ("p50", "p95", "p99") if name == "all" else ("p95",):
            times = first[name][key], second.get(name, {}).get(key)
            if None not in times:
                yield _row(f"start, {name}, {key}", times, ms, less=True, least=1.0)
    ratios = {
        "rebuffering": (before["rebuffering"]["ratio"], after["rebuffering"]["ratio"]),
        "starts failed or given up": (before["starts"]["failed_ratio"], after["starts"]["failed_ratio"]),
    }
    for name, pair in ratios.items():
        if None not in pair:
            yield _row(name, pair, percent, less=True, least=0.0005)
    hits = before["cache"]["hit_ratio"], after["cache"]["hit_ratio"]
    if None not in hits:
        yield _row("edges, hits", hits, percent, less=False, least=0.001)
    yield _row(
        "bit rate",
        (before["bitrate"], after["bitrate"]),
        lambda value: amount(value or 0, "bit/s"),
        less=False,
        least=1000,
    )
    yield _row(
        "generator's lag, p99",
        (before["generator"]["p99_ms"], after["generator"]["p99_ms"]),
        ms,
        less=True,
        least=1.0,
    )


def _row(name: str, pair: tuple[Any, Any], text: Any, *, less: bool, least: float) -> Row:
    change = pair[1] - pair[0]
    same = abs(change) < max(least, abs(pair[0]) / 20)
    verdict = "same" if same else "better" if (change < 0) == less else "worse"
    said = f"{change / pair[0] * 100:+.1f} %" if pair[0] else "–" if not change else "from nothing"
    return Row(name, text(pair[0]), text(pair[1]), said, verdict)
