"""Start times as pictures: where one start's time went, and how many of all were done by when. All times are ms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from edge_sim.report.plot import Axis, Plot
from edge_sim.report.words import span_ms

# name, start, length, and what hovering adds
Bar = tuple[str, float, float, str]
_LINE, _LEFT, _RIGHT = 24, 110, 70  # px
SERIES = 12  # colours, c0 and on


def waterfall(bars: Sequence[Bar], scale: float, title: str, marks: Mapping[str, float] | None = None) -> str:
    """A row for each span, on an axis from 0 to `scale`; marks are vertical lines with names."""
    width, height = 720, _LINE * len(bars) + 22
    unit = (width - _LEFT - _RIGHT) / (scale or 1)
    shapes = []
    for down, (name, start, length, hint) in enumerate(bars):
        y = down * _LINE
        x = _LEFT + start * unit
        said = f"{name}: {span_ms(length)} from {span_ms(start)}" + (f", {hint}" if hint else "")
        shapes.append(
            f'<text class="tick end" x="{_LEFT - 8}" y="{y + 16}">{escape(name)}</text>'
            f'<rect class="span {escape(name.replace(" ", "-"))}" x="{x:.1f}" y="{y + 3}" width="{max(length * unit, 1):.1f}" height="{_LINE - 7}" rx="2">'
            f"<title>{escape(said)}</title></rect>"
            f'<text class="tick" x="{x + max(length * unit, 1) + 5:.1f}" y="{y + 16}">{escape(span_ms(length))}</text>'
        )
    for label, at in (marks or {}).items():
        x = _LEFT + min(at, scale) * unit
        shapes.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height - 18}"/>')
        shapes.append(f'<text class="mark middle" x="{x:.1f}" y="{height - 4}">{escape(label)}</text>')
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(shapes)}</svg>'
    )


def cdf(series: Mapping[str, Sequence[float]], marks: Mapping[str, float], width: int = 1100) -> str:
    """How many starts of each series are done by when; the colours are c0, c1, … in order."""
    values = [value for times in series.values() for value in times]
    first = max(1.0, min([*values, *marks.values()]) / 1.3)
    last = max([*values, *marks.values()]) * 1.1
    plot = Plot(
        Axis(first, last, _ticks(first, last), "ms to the first sound", log=True),
        Axis(0, 1, [(share / 100, f"{share} %") for share in (0, 25, 50, 75, 100)], "starts done"),
        "Start times",
        width,
        340,
    )
    for label, at in marks.items():
        plot.mark(at, label)
    for number, (name, times) in enumerate(series.items()):
        ordered = sorted(times)
        steps = [(first, 0.0)]
        for done, value in enumerate(ordered):
            steps += [(value, done / len(ordered)), (value, (done + 1) / len(ordered))]
        plot.line([*steps, (last, 1.0)], colour(number), name)
    return plot.svg()


def colour(number: int) -> str:
    """The class of the n-th series."""
    return f"c{number % SERIES}"


def legend(series: Mapping[str, object]) -> str:
    entries = "".join(
        f'<span class="{colour(number)}"><i></i>{escape(name)}</span>' for number, name in enumerate(series)
    )
    return f'<div class="legend">{entries}</div>'


def _ticks(first: float, last: float) -> list[tuple[float, str]]:
    steps = [factor * 10**power for power in range(5) for factor in (1, 2, 3, 5, 7)]
    return [(float(step), f"{step:,}") for step in steps if first <= step <= last]
