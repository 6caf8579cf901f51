"""Plots as inline SVG: two axes, lines, areas, bands and cells. Colours are classes, which the page's style sheet fills in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from math import log10

Point = tuple[float, float]
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 16, 12, 40  # margins in px


@dataclass(frozen=True, slots=True)
class Axis:
    """From `first` to `last`, on a logarithmic scale if asked for; a tick is a value and its label."""

    first: float
    last: float
    ticks: Sequence[tuple[float, str]]
    title: str
    log: bool = False

    def part(self, value: float) -> float:
        """Where on the axis, 0 to 1; what is outside is at its end."""
        scale: Callable[[float], float] = log10 if self.log else float
        value = min(max(value, self.first), self.last)
        span = scale(self.last) - scale(self.first)
        return (scale(value) - scale(self.first)) / span if span else 0.0


@dataclass(slots=True)
class Plot:
    """Draw with the methods, then `svg`. `title` is what a screen reader says."""

    x: Axis
    y: Axis
    title: str
    width: int = 720
    height: int = 300
    _shapes: list[str] = field(default_factory=list)

    def at(self, point: Point) -> Point:
        """In px."""
        across = _LEFT + self.x.part(point[0]) * (self.width - _LEFT - _RIGHT)
        down = self.height - _BOTTOM - self.y.part(point[1]) * (self.height - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    def line(self, points: Sequence[Point], colour: str, label: str = "") -> None:
        self._shapes.append(
            f'<polyline class="line {colour}" points="{self._path(points)}">{_hint(label)}</polyline>'
        )

    def dot(self, point: Point, colour: str, label: str) -> None:
        x, y = self.at(point)
        self._shapes.append(f'<circle class="dot {colour}" cx="{x}" cy="{y}" r="3.5">{_hint(label)}</circle>')

    def area(self, lower: Sequence[Point], upper: Sequence[Point], colour: str, label: str = "") -> None:
        """Between two lines over the same x."""
        outline = f"{self._path(upper)} {self._path(lower[::-1])}"
        self._shapes.append(f'<polygon class="area {colour}" points="{outline}">{_hint(label)}</polygon>')

    def mark(self, x: float, label: str) -> None:
        """A vertical line with a name."""
        across, top = self.at((x, self.y.last))
        _, bottom = self.at((x, self.y.first))
        self._shapes.append(f'<line class="mark" x1="{across}" x2="{across}" y1="{top}" y2="{bottom}"/>')
        # On the side where there is room for it.
        beside = f'mark" x="{across + 5}' if across < self.width / 2 else f'mark end" x="{across - 5}'
        self._shapes.append(f'<text class="{beside}" y="{bottom - 8}">{escape(label)}</text>')

    def svg(self) -> str:
        left, bottom = self.at((self.x.first, self.y.first))
        right, top = self.at((self.x.last, self.y.last))
        grid = [
            f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>'
            f'<text class="tick end" x="{left - 8}" y="{y + 4}">{escape(label)}</text>'
            for value, label in self.y.ticks
            for y in (self.at((self.x.first, value))[1],)
        ]
        grid += [
            f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>'
            f'<text class="tick middle" x="{x}" y="{bottom + 16}">{escape(label)}</text>'
            for value, label in self.x.ticks
            for x in (self.at((value, self.y.first))[0],)
        ]
        titles = (
            f'<text class="axis middle" x="{(left + right) / 2}" y="{self.height - 6}">{escape(self.x.title)}</text>'
            f'<text class="axis middle" transform="translate(13 {(top + bottom) / 2}) rotate(-90)">{escape(self.y.title)}</text>'
        )
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.title)}">'
            f"{''.join(grid)}{''.join(self._shapes)}{titles}</svg>"
        )

    def _path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{x},{y}" for x, y in map(self.at, points))


def heat_map(rows: Sequence[tuple[str, Sequence[float | None]]], columns: Sequence[str], title: str) -> str:
    """A cell for each value, from the lowest of all (pale) to the highest (dark); hovering says it in per cent. Where nothing is known, no cell."""
    values = [value for _, row in rows for value in row if value is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    cell, line, left = (1100 - 92) / max(len(columns), 1), 26, 84
    width, height = 1100, line * len(rows) + 26
    shapes = []
    for down, (name, row) in enumerate(rows):
        y = down * line
        shapes.append(f'<text class="tick end" x="{left - 8}" y="{y + 17}">{escape(name)}</text>')
        for across, value in enumerate(row):
            if value is None:
                continue
            strength = (value - low) / (high - low) if high > low else 1.0
            shapes.append(
                f'<rect class="cell" x="{left + across * cell:.1f}" y="{y}" width="{cell - 2:.1f}" height="{line - 2}" rx="3" '
                f'fill-opacity="{0.08 + 0.92 * strength:.3f}">{_hint(f"{name} {columns[across]}: {value:.1%}")}</rect>'
            )
    for across in range(0, len(columns), max(3, len(columns) // 8)):
        x = round(left + across * cell + cell / 2 - 1, 1)
        shapes.append(f'<text class="tick middle" x="{x}" y="{height - 8}">{escape(columns[across])}</text>')
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(shapes)}</svg>'
    )


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], unit: str, title: str) -> str:
    """A bar for each row, of parts that lie end to end: a part is a colour's class, which is its name, and its length."""
    longest = max((sum(value for _, value in parts) for _, parts in rows), default=0.0) or 1.0
    line, left, width = 30, 150, 1100
    height = line * len(rows)
    shapes = []
    for down, (name, parts) in enumerate(rows):
        y, x = down * line, float(left)
        shapes.append(f'<text class="tick end" x="{left - 8}" y="{y + 18}">{escape(name)}</text>')
        for colour, value in parts:
            wide = value / longest * (width - left - 90)
            shapes.append(
                f'<rect class="area {colour}" x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" height="{line - 8}">'
                f"{_hint(f'{colour}: {value:.1f} {unit}')}</rect>"
            )
            x += wide
        total = sum(value for _, value in parts)
        shapes.append(f'<text class="tick" x="{x + 8:.1f}" y="{y + 18}">{total:.1f} {escape(unit)}</text>')
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">{"".join(shapes)}</svg>'
    )


def _hint(label: str) -> str:
    return f"<title>{escape(label)}</title>" if label else ""
