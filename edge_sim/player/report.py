"""The report of many starts: `page` makes HTML of the JSON document, and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_sim.player.network import Crossing, floors
from edge_sim.player.waterfall import Summary, Waterfall, by_kind, nearest_rank
from edge_sim.report.page import card, html, section, table
from edge_sim.report.starts import cdf, legend, waterfall
from edge_sim.report.words import span_ms

Document = dict[str, Any]
_KINDS = ("cold", "warm")
_POINTS = ("p50_ms", "p95_ms", "p99_ms")


def document(waterfalls: Sequence[Waterfall], *, target_ms: int, crossing: Crossing | None) -> Document:
    """All that was measured, in ms."""
    summaries = {kind: Summary.of(starts) for kind, starts in by_kind(waterfalls).items()}
    made: Document = {
        "target_ms": target_ms,
        "met": all(summary.meets(target_ms) for summary in summaries.values()),
        "network": crossing.to_dict() if crossing else None,
        "floor_ms": floors(waterfalls, crossing.network) if crossing else {},
    }
    made |= {kind: summary.to_dict() for kind, summary in summaries.items()}
    return made | {"starts": [each.to_dict() for each in waterfalls]}


def page(made: Document, before: Document | None = None) -> str:
    """One HTML page, with nothing to load. `before` is the document of another run, to compare with."""
    kinds = [kind for kind in _KINDS if kind in made]
    target, floor = made["target_ms"], made["floor_ms"]
    first = made["starts"][0]
    cards = [
        card(span_ms(made[kind][point]), f"{kind}, {point[:3]}")
        for kind in kinds
        for point in ("p50_ms", "p99_ms")
    ]
    cards += [
        card(span_ms(floor[kind]), f"{kind}, the floor of this link") for kind in kinds if kind in floor
    ]
    series = {kind: totals(made, kind) for kind in kinds}
    if before is not None:
        series |= {f"{kind}, before": totals(before, kind) for kind in kinds if kind in before}
    marks = {"target": float(target)} | {f"floor, {kind}": value for kind, value in floor.items()}
    sections = [
        section(
            "How long starts take",
            f"From the press to the first audible sample; {made['starts'][0]['protection']}, {len(made['starts'])} starts.",
            legend(series) + cdf(series, marks),
        ),
        section(
            "In numbers",
            "Percentiles by nearest rank: each is a start that happened.",
            _numbers(made, before),
        ),
    ]
    drawn = []
    for kind in kinds:
        for percent, what in ((50, "median"), (95, "95th percentile")):
            start = at(made, kind, percent)
            scale = max(start["total_ms"], target) * 1.02
            bars = [
                (
                    span["name"],
                    span["start_ms"],
                    span["ms"],
                    " ".join(filter(None, (f"{span['bytes']:,} B" if span["bytes"] else "", span["cache"]))),
                )
                for span in start["spans"]
            ]
            lines = {"target": float(target)} | ({"floor": floor[kind]} if kind in floor else {})
            drawn.append(
                section(
                    f"{kind.capitalize()} start, {what}",
                    f"{span_ms(start['total_ms'])} to the first sample",
                    waterfall(bars, scale, f"A {kind} start", lines),
                )
            )
    sections.append(f'<div class="grid2">{"".join(drawn)}</div>')
    return html(
        "Tonearm: from play to the first sound",
        f"{first['segment']} · {network_line(made['network'])}",
        f'<div class="cards">{"".join(cards)}</div>{"".join(sections)}',
    )


def network_line(network: Document | None) -> str:
    """Which link, and whether it was one."""
    if network is None:
        return "no link: as near as this machine is to the server"
    rate = f"{network['kbits'] / 1000:g}" + (
        f"/{network['up_kbits'] / 1000:g}" if network["up_kbits"] else ""
    )
    lost = f", {network['loss'] * 100:g} % lost" if network["loss"] else ""
    how = (
        "computed, " + network["because"]
        if network["link"] == "model"
        else f"emulated below TCP ({network['congestion']})"
    )
    return f"RTT {network['rtt_ms']} ms, {rate} Mbit/s{lost}; {how}"


def totals(made: Document, kind: str) -> list[float]:
    return [start["total_ms"] for start in made["starts"] if start["kind"] == kind]


def at(made: Document, kind: str, percent: int) -> Document:
    """The start that this percentile is."""
    starts = [start for start in made["starts"] if start["kind"] == kind]
    rank = nearest_rank(range(len(starts)), percent)
    found: Document = sorted(starts, key=lambda start: start["total_ms"])[rank]
    return found


def _numbers(made: Document, before: Document | None) -> str:
    rows, classes = [], []
    for kind in (kind for kind in _KINDS if kind in made):
        values = [made[kind][point] for point in _POINTS]
        floor = made["floor_ms"].get(kind)
        rows.append([kind, str(made[kind]["runs"]), *map(span_ms, values), span_ms(floor) if floor else "–"])
        classes.append([""] * 6)
        if before is not None and kind in before:
            changes = [value - before[kind][point] for value, point in zip(values, _POINTS, strict=True)]
            rows.append([f"{kind}, against before", "", *(f"{change:+.1f} ms" for change in changes), ""])
            classes.append(["", "", *("better" if change < 0 else "worse" for change in changes), ""])
    return table(["", "runs", "p50", "p95", "p99", "floor"], rows, classes)
