"""The plots of a crowd's report; all take the document."""

from __future__ import annotations

from typing import Any

from edge_sim.crowd.report.words import groups
from edge_sim.crowd.tiers import TIERS
from edge_sim.report.plot import Axis, Plot, bars, heat_map

Document = dict[str, Any]
Points = list[tuple[float, float]]
_SHARES = [(part / 4, f"{part * 25} %") for part in range(5)]


def distribution(document: Document, before: Document | None = None) -> str:
    """Start times: the share of starts that were no slower."""
    curves = {"all": document["starts"]["all"]} | document["starts"]["by_connection"]
    if before is not None:
        curves["before"] = before["starts"]["all"]
    slowest = max((each["cdf"][-1] for each in curves.values() if each["cdf"]), default=1.0)
    plot = Plot(_milliseconds(slowest), Axis(0, 1, _SHARES, "starts"), "Start times")
    for name, each in curves.items():
        points = [(value, (at + 1) / 100) for at, value in enumerate(each["cdf"])]
        if points:
            plot.line(points, name, name)
    target = document["verdict"]["targets"]["start_p95_ms"]["target"]
    plot.mark(target, f"{target} ms")
    return plot.svg()


def waterfalls(document: Document) -> str:
    """Where the mean start's time goes."""
    rows = [(name, list(each["parts"].items())) for name, each in groups(document) if each["count"]]
    return bars(rows, "ms", "What starts waited for")


def starts_over_time(document: Document) -> str:
    slots = document["starts"]["over_time"]
    most = max((each["p95"] for each in slots if each["p95"] is not None), default=1.0)
    plot = Plot(_time(document), _upright(most, "start, ms"), "Start times over time")
    for name, colour in (("p95", "new"), ("p50", "all")):
        plot.line(_points(document, [each[name] for each in slots]), colour, name)
    _marks(plot, document)
    return plot.svg()


def trouble_over_time(document: Document) -> str:
    """Rebuffering, and the share of presses that came to nothing."""
    slots = document["starts"]["over_time"]
    failed = [
        each["failed"] / (each["failed"] + each["count"]) if each["failed"] + each["count"] else None
        for each in slots
    ]
    plot = Plot(_time(document), Axis(0, 1, _SHARES, "of time, of presses"), "Trouble over time")
    plot.line(_points(document, document["rebuffering"]["over_time"]), "cold", "rebuffering")
    plot.line(_points(document, failed), "new", "starts failed or given up")
    _marks(plot, document)
    return plot.svg()


def cache_over_time(document: Document) -> str:
    """Who answered, stacked."""
    plot = Plot(_time(document), Axis(0, 1, _SHARES, "of requests"), "Who answered over time")
    over = document["cache"]["over_time"]
    known = [slot for slot in range(len(over["memory"])) if over["memory"][slot] is not None]
    lower: Points = [(_at(document, slot), 0.0) for slot in known]
    for tier in TIERS:
        upper = [(x, y + (over[tier][slot] or 0)) for (x, y), slot in zip(lower, known, strict=True)]
        if len(known) > 1:
            plot.area(lower, upper, tier, tier)
        lower = upper
    _marks(plot, document)
    return plot.svg()


def regions(document: Document) -> str:
    names = list(document["cache"]["regions"].items())
    slots = len(names[0][1])
    return heat_map(
        names, [f"{_at(document, slot):.0f} s" for slot in range(slots)], "Edge hit ratio by region and time"
    )


def listeners(document: Document) -> str:
    values = document["listeners_at_once"]
    plot = Plot(_time(document), _upright(max([*values, 1]), "listeners"), "Listeners at a time", height=200)
    plot.line(_points(document, values), "all", "listeners")
    return plot.svg()


def _marks(plot: Plot, document: Document) -> None:
    """When faults began and ended, where there were any."""
    for fault in document.get("faults", ()):
        plot.mark(fault["began_ms"] / 1000, fault["name"])
        plot.mark(fault["ended_ms"] / 1000, "")


def _time(document: Document) -> Axis:
    seconds = document["settings"]["seconds"]
    step = next((step for step in (1, 2, 5, 10, 30, 60, 300, 600, 3600) if seconds / step <= 10), 3600)
    return Axis(0, seconds, [(at, f"{at} s") for at in range(0, seconds + 1, step)], "time")


def _milliseconds(most: float) -> Axis:
    ticks = [(value, f"{value:g}") for value in (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000) if value < most]
    return Axis(1, max(most, 300), ticks, "start time, ms", log=True)


def _upright(most: float, title: str) -> Axis:
    return Axis(
        0,
        most,
        [(most * part / 4, f"{most * part / 4:,.{0 if most >= 40 else 1}f}") for part in range(5)],
        title,
    )


def _at(document: Document, slot: int) -> float:
    """Its middle, in s."""
    return float((slot + 0.5) * document["slot_ms"] / 1000)


def _points(document: Document, values: list[float | None]) -> Points:
    return [(_at(document, slot), value) for slot, value in enumerate(values) if value is not None]
