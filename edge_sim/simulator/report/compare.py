"""Two simulations side by side. A difference counts when it is more than twice what the two errors together explain."""

from __future__ import annotations

from collections.abc import Iterator
from math import hypot
from typing import Any

from edge_sim.report.comparison import Row, on_page
from edge_sim.report.page import html
from edge_sim.report.words import amount, dollars, ms, per_cent
from edge_sim.simulator.report.page import subtitle
from edge_sim.simulator.topology import ORIGIN, TIERS

Document = dict[str, Any]


def rows(before: Document, after: Document) -> Iterator[Row]:
    """All that both have."""
    first, second = before["all"], after["all"]
    yield _ratio("edges, hits", first["edge"]["hit_ratio"], second["edge"]["hit_ratio"])
    yield _ratio("edges, bytes", first["edge"]["byte_hit_ratio"], second["edge"]["byte_hit_ratio"])
    for tier in TIERS[:ORIGIN]:
        yield _ratio(f"{tier}, hits", first["tiers"][tier]["hit_ratio"], second["tiers"][tier]["hit_ratio"])
    yield _ratio("to the origin", first["origin"]["share"], second["origin"]["share"], less_is_better=True)
    yield _plain("origin, bytes", before["origin"]["bytes"], after["origin"]["bytes"], "B")
    if "start_ms" in before and "start_ms" in after:
        yield Row("started by", before["start"]["model"], after["start"]["model"], "", "")
        for name in ("p50", "p95", "p99"):
            yield _start(name, before["start_ms"][name], after["start_ms"][name])
    if "cost" in before and "cost" in after:
        costs = [each["cost"]["dollars_per_day"]["total"] for each in (before, after)]
        change = costs[1] - costs[0]
        yield Row(
            "a day costs",
            dollars(costs[0]),
            dollars(costs[1]),
            f"{'-' if change < 0 else '+'}{dollars(abs(change))}",
            "",
        )
    for name in before["regions"]:
        if name in after["regions"] and len(before["regions"]) > 1:
            pair = [each["regions"][name]["edge"]["hit_ratio"] for each in (before, after)]
            yield _ratio(f"{name}, hits", pair[0], pair[1])


def page(before: Document, after: Document) -> str:
    """The comparison as HTML."""
    content = on_page(list(rows(before, after)))
    body = f"<p>B: {subtitle(after).replace('&', '&amp;')}</p><section style='margin-top:20px'>{content}</section>"
    return html("Tonearm: two simulations", f"A: {subtitle(before)}", body)


def _ratio(name: str, before: dict[str, Any], after: dict[str, Any], *, less_is_better: bool = False) -> Row:
    change = after["value"] - before["value"]
    return Row(
        name,
        per_cent(before),
        per_cent(after),
        f"{change * 100:+.2f} points",
        _verdict(before, after, less_is_better),
    )


def _start(name: str, before: dict[str, Any], after: dict[str, Any]) -> Row:
    change = after["value"] - before["value"]
    return Row(f"start, {name}", ms(before), ms(after), f"{change:+.1f} ms", _verdict(before, after, True))


def _verdict(before: dict[str, Any], after: dict[str, Any], less_is_better: bool) -> str:
    change = after["value"] - before["value"]
    noise = 2 * hypot(before["error"] or 0, after["error"] or 0)
    if abs(change) <= noise:
        return "same"
    return "better" if (change < 0) == less_is_better else "worse"


def _plain(name: str, before: float, after: float, unit: str) -> Row:
    change = f"{(after / before - 1) * 100:+.1f} %" if before else "–"
    return Row(name, amount(before, unit), amount(after, unit), change, "")
