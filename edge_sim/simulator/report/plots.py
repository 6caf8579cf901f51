"""The plots of a simulation, each from the JSON document alone."""

from __future__ import annotations

from typing import Any

from edge_sim.report.plot import Axis, Plot, Point, heat_map
from edge_sim.report.words import amount, clock, ms
from edge_sim.simulator.topology import TIERS

Document = dict[str, Any]
_TARGET_MS = 200
_WIDE, _HALF = 1100, 560  # px: plots across the page, and two side by side


def over_time(document: Document) -> str:
    """Who answered, stacked, over the day; the scale begins where shield and origin can still be seen."""
    data = document["over_time"]
    low = min(data["tiers"]["memory"], default=0)
    floor = 0.0 if low < 0.3 else int(low * 10) / 10 - 0.1
    plot = Plot(
        _time(data), Axis(floor, 1, _shares(floor), "answered by"), "Who answered, over time", _WIDE, 300
    )
    below = [floor] * len(data["requests"])
    total = [0.0] * len(below)
    for tier in TIERS:
        total = [sum(pair) for pair in zip(total, data["tiers"][tier], strict=True)]
        above = [max(value, floor) for value in total]
        plot.area(_steps(data, below), _steps(data, above), tier, tier)
        below = above
    return plot.svg()


def load(document: Document) -> str:
    """Requests a second."""
    data = document["over_time"]
    rates = [count * 1000 / data["width_ms"] for count in data["requests"]]
    top = max(rates, default=0) or 1
    plot = Plot(
        _time(data), Axis(0, top, [(0, "0"), (top, amount(top))], "a second"), "Requests a second", _WIDE, 130
    )
    points = _steps(data, rates)
    plot.area([(at, 0) for at, _ in points], points, "memory band")
    plot.line(points, "memory")
    return plot.svg()


def _time(data: Document) -> Axis:
    end = len(data["requests"]) * data["width_ms"]
    return Axis(0, end, [(end * part / 8, clock(end * part / 8)) for part in range(9)], "time (UTC)")


def _steps(data: Document, values: list[float]) -> list[Point]:
    """Each value in the middle of its time, and on to both ends."""
    width = data["width_ms"]
    middles = [((at + 0.5) * width, value) for at, value in enumerate(values)]
    if not middles:
        return []
    return [(0, values[0]), *middles, (len(values) * width, values[-1])]


def curves(document: Document) -> str:
    """The miss ratio of an edge's memory over its size, by policy, with bars of one standard error for the one in use."""
    policies = document["curves"]
    sizes = [point["bytes"] for point in next(iter(policies.values()))]
    worst = max(point["miss_ratio"] for points in policies.values() for point in points)
    top = min(1.0, int(worst * 10 + 1) / 10)
    plot = Plot(
        Axis(
            sizes[0],
            sizes[-1],
            [(size, amount(size, "B")) for size in sizes],
            "memory of the region",
            log=True,
        ),
        Axis(0, top, _shares(0, top), "requests missed"),
        "Miss ratio by size and policy",
        _HALF,
    )
    for name, points in policies.items():
        line = [(point["bytes"], point["miss_ratio"]) for point in points]
        if name == document["policy"] and all(point["error"] is not None for point in points):
            plot.area(
                [(point["bytes"], point["miss_ratio"] - point["error"]) for point in points],
                [(point["bytes"], point["miss_ratio"] + point["error"]) for point in points],
                f"{name} band",
            )
        plot.line(line, name, name)
        for size, missed in line:
            plot.dot((size, missed), name, f"{name}, {amount(size, 'B')}: {missed:.1%}")
    return plot.svg()


def starts(document: Document) -> str:
    """How many starts are done by when."""
    data = document["start_ms"]
    first, last = 20, 2000
    plot = Plot(
        Axis(
            first,
            last,
            [(at, f"{at}") for at in (20, 50, 100, 200, 500, 1000, 2000)],
            "ms to the first sound",
            log=True,
        ),
        Axis(0, 1, _shares(0), "starts done"),
        "Start time",
        _HALF,
    )
    plot.mark(_TARGET_MS, "200 ms")
    points = [(at, share) for at, share in data["cdf"] if first <= at <= last] + [(last, 1.0)]
    plot.area([(at, 0) for at, _ in points], points, "memory band")
    plot.line(points, "memory")
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        plot.dot((data[name]["value"], share), "memory", f"{name}: {ms(data[name])}")
    return plot.svg()


def regions(document: Document) -> str:
    """The edges' hit ratio by region and hour."""
    data = document["over_time"]
    hours = _per_hour(data)
    columns = [clock(at * data["width_ms"]) for at in range(0, len(data["requests"]), hours)]
    return heat_map(_by_hour(data), columns, "Hit ratio of the edges by region and hour")


def extremes(document: Document) -> tuple[float, float]:
    """The lowest and the highest value in the heat map."""
    values = [value for _, row in _by_hour(document["over_time"]) for value in row] or [0.0]
    return min(values), max(values)


def _per_hour(data: Document) -> int:
    return max(1, 3_600_000 // int(data["width_ms"]))


def _by_hour(data: Document) -> list[tuple[str, list[float]]]:
    hours = _per_hour(data)
    return [
        (name, [sum(row[at : at + hours]) / len(row[at : at + hours]) for at in range(0, len(row), hours)])
        for name, row in data["edge_by_region"].items()
    ]


def _shares(floor: float, top: float = 1.0) -> list[tuple[float, str]]:
    """Every tenth or fifth from `floor` to `top`."""
    step = 10 if top - floor < 0.65 else 20
    first = -(-round(floor * 100) // step) * step
    return [(value / 100, f"{value} %") for value in range(first, round(top * 100) + 1, step)]
