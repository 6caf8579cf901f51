"""The plots of a run, each from the JSON document alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edge_sim.report.plot import Axis, Plot, Point
from edge_sim.report.words import amount

Result = dict[str, Any]
_WIDE, _HALF = 1100, 560  # px: plots across the page, and two side by side
_TARGET_MS = 200
START_LEGEND = ("warm", "cold")
LOOP_LEGEND = ("from due", "from sent", "listeners")
LATENCY_LEGEND = ("p99", "p90", "p50")
_DECADES = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


def starts(result: Result) -> str:
    """How many starts are done by when."""
    curves = {name: result["starts"][name]["cdf"] for name in START_LEGEND}
    x = _logarithmic(
        [at for curve in curves.values() for at, _ in curve] + [_TARGET_MS],
        "ms from play to the first segment",
    )
    plot = Plot(x, Axis(0, 1, _shares(), "starts done"), "Start time", _HALF)
    plot.mark(_TARGET_MS, "200 ms")
    for name, curve in curves.items():
        if curve:
            plot.line([(curve[0][0], 0.0), *map(tuple, curve), (x.last, 1.0)], name, name)
    return plot.svg()


def loops(result: Result) -> str:
    """Latency against how rare it is: open loop from due and from sent, and the listeners' hits."""
    opened = result["open_loop"]
    hits = [[1 / (1 - share), at] for at, share in result["requests"]["hits"]["cdf"] if share < 1]
    curves = dict(
        zip(LOOP_LEGEND, (opened["from_due"]["curve"], opened["from_sent"]["curve"], hits), strict=True)
    )
    rarest = max(2.0, *(curve[-1][0] for curve in curves.values() if curve))
    names = {2: "p50", 10: "p90", 100: "p99", 1000: "p99.9", 10_000: "p99.99"}
    x = Axis(1, rarest, [(at, name) for at, name in names.items() if at <= rarest], "of requests", log=True)
    y = _logarithmic([at for curve in curves.values() for _, at in curve], "ms")
    plot = Plot(x, y, "Open loop against closed loop", _HALF)
    for name, curve in curves.items():
        plot.line([(one_in, at) for one_in, at in curve], name, name)
    return plot.svg()


def requests(result: Result) -> str:
    """Requests a second."""
    rates = result["over_time"]["requests_per_s"]
    top = max(rates, default=0) or 1
    plot = Plot(
        _time(result),
        Axis(0, top, [(0, "0"), (top, amount(top))], "a second"),
        "Requests a second",
        _WIDE,
        160,
    )
    points = _middles(result, rates)
    plot.area([(at, 0) for at, _ in points], points, "memory band")
    plot.line(points, "memory")
    return plot.svg()


def hits(result: Result) -> str:
    plot = Plot(_time(result), Axis(0, 1, _shares(), "hit ratio"), "Hit ratio over time", _WIDE, 180)
    plot.line(_middles(result, result["over_time"]["hit_ratio"]), "disk")
    return plot.svg()


def latency(result: Result) -> str:
    """Percentiles of answers."""
    series = result["over_time"]["request_ms"]
    y = _logarithmic([value for each in series.values() for value in each if value is not None], "ms")
    plot = Plot(_time(result), y, "Answers over time", _WIDE, 260)
    for name in LATENCY_LEGEND:
        plot.line(_middles(result, series[name]), name, name)
    return plot.svg()


def stalls(result: Result) -> str:
    counts = result["over_time"]["stalls"]
    top = max(counts, default=0) or 1
    plot = Plot(_time(result), Axis(0, top, [(0, "0"), (top, str(top))], "stalls"), "Stalls", _WIDE, 130)
    width = result["over_time"]["width_ms"]
    for at, count in enumerate(counts):
        if count:
            span: list[Point] = [(at * width, count), ((at + 0.9) * width, count)]
            plot.area([(x, 0) for x, _ in span], span, "origin", f"{count} stalls")
    return plot.svg()


def cpu_legend(result: Result) -> tuple[str, ...]:
    return tuple(name for name, samples in result["over_time"]["cpu"].items() if samples)


def cpu(result: Result) -> str:
    plot = Plot(_time(result), Axis(0, 1, _shares(), "of a core"), "Who was busy", _WIDE, 180)
    for name in cpu_legend(result):
        plot.line([(at, load / 100) for at, load in result["over_time"]["cpu"][name]], name, name)
    return plot.svg()


def _time(result: Result) -> Axis:
    data = result["over_time"]
    end = max(1, len(data["requests_per_s"])) * data["width_ms"] / 1000
    step = next(step for step in (1, 2, 5, 10, 30, 60, 300, 600, 3600, 36_000) if end / step <= 12)
    ticks = [(at * 1000, f"{at} s") for at in range(0, int(end) + 1, step)]
    return Axis(0, end * 1000, ticks, "since the first listener came")


def _middles(result: Result, values: Sequence[float | None]) -> list[Point]:
    width = result["over_time"]["width_ms"]
    return [((at + 0.5) * width, value) for at, value in enumerate(values) if value is not None]


def _logarithmic(values: Sequence[float], title: str) -> Axis:
    """From the tick below the least to the tick above the greatest."""
    low, high = max(min(values, default=1), _DECADES[0]), max(values, default=10)
    first = max((tick for tick in _DECADES if tick <= low), default=_DECADES[0])
    last = min((tick for tick in _DECADES if tick >= high and tick > first), default=_DECADES[-1])
    return Axis(
        first,
        last,
        [
            (tick, f"{tick / 1000:g} s" if tick >= 1000 else f"{tick:g}")
            for tick in _DECADES
            if first <= tick <= last
        ],
        title,
        log=True,
    )


def _shares() -> list[tuple[float, str]]:
    return [(value / 100, f"{value} %") for value in range(0, 101, 20)]
