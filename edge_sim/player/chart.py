"""A start as a person wants to see it: the waterfall of the median start, and the percentiles of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.bar import Bar
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from edge_sim.player.report import network_line
from edge_sim.player.waterfall import Summary, Waterfall, by_kind, ms

_COLOURS = {
    "dns": "bright_yellow",
    "connect": "yellow",
    "tls": "yellow",
    "bundle": "magenta",
    "grant": "magenta",
    "manifest": "blue",
    "playlist": "bright_blue",
    "init": "cyan",
    "index": "bright_cyan",
    "key": "red",
    "licence": "red",
    "segment": "green",
    "decode": "bright_white",
}


def chart(waterfalls: Sequence[Waterfall], document: dict[str, Any]) -> Iterator[RenderableType]:
    """What was played and over what, two waterfalls on one scale, then the numbers of `document`."""
    first = waterfalls[0]
    what = f"{first.segment.rpartition('/t/…/')[2]}, {first.protection}"
    over = f"\n{network_line(document['network'])}" if document["network"] else ""
    yield Text(what + over, "dim", overflow="fold")
    medians = {kind: _median(starts) for kind, starts in by_kind(waterfalls).items()}
    scale = max(start.total_ns for start in medians.values())
    for start in medians.values():
        yield _waterfall(start, scale)
        yield Text()
    yield _numbers(waterfalls, document["target_ms"], document["floor_ms"])


def _median(starts: Sequence[Waterfall]) -> Waterfall:
    return sorted(starts, key=lambda start: start.total_ns)[(len(starts) - 1) // 2]


def _waterfall(start: Waterfall, scale_ns: int) -> Table:
    table = Table(
        title=f"{start.kind} start, {ms(start.total_ns):.1f} ms to the first sample (the median run)",
        title_justify="left",
        title_style="bold",
        box=None,
        expand=True,
        pad_edge=False,
        show_header=False,
    )
    table.add_column(width=9)
    table.add_column(ratio=1)
    table.add_column(justify="right", width=9)
    table.add_column(justify="right", width=9)
    table.add_column(width=6)
    for span in start.spans:
        bar = Bar(scale_ns, span.start_ns, span.stop_ns, color=_COLOURS.get(span.name, "white"))
        table.add_row(
            span.name,
            bar,
            f"{ms(span.ns):.1f} ms",
            f"{span.size:,} B" if span.size else "",
            Text(span.cache, "green" if span.cache == "hit" else "dim"),
        )
    return table


def _numbers(waterfalls: Sequence[Waterfall], target_ms: int, floors: dict[str, float]) -> Table:
    table = Table("", "runs", "p50", "p95", "p99", "floor" if floors else "", "", box=None, pad_edge=False)
    for column in table.columns[1:6]:
        column.justify = "right"
    for kind, starts in by_kind(waterfalls).items():
        summary = Summary.of(starts)
        met = summary.meets(target_ms)
        table.add_row(
            kind,
            str(summary.runs),
            *(f"{ms(value):.1f} ms" for value in (summary.p50_ns, summary.p95_ns, summary.p99_ns)),
            f"{floors[kind]:.1f} ms" if kind in floors else "",
            Text(f"{'✓ within' if met else '✗ over'} {target_ms} ms", "green" if met else "red"),
        )
    return table
