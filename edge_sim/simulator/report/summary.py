"""A simulation on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from edge_sim.report.words import amount, dollars, ms, per_cent
from edge_sim.simulator.report.page import start_words, subtitle, warming_rows
from edge_sim.simulator.topology import ORIGIN, TIERS


def summary(document: dict[str, Any]) -> Iterator[RenderableType]:
    """What was simulated; hit ratios; what is left for the origin; starts and cost; misses by policy."""
    yield Text(subtitle(document), "dim")
    yield _tiers(document)
    origin = document["origin"]
    lines = [
        f"origin   {amount(origin['bytes'], 'B')}, {amount(origin['requests'])} requests, "
        f"{amount(origin['peak_bits_per_s'], 'bit/s')} at most"
    ]
    if "start_ms" in document:
        starts = document["start_ms"]
        times = ", ".join(f"{name} {ms(starts[name])}" for name in ("p50", "p95", "p99"))
        lines.append(f"start    {times}, {start_words(document)}")
        if measured := document.get("measured"):
            took = ", ".join(f"{name} {each:g}" for name, each in zip(TIERS, measured["tiers"], strict=True))
            lines.append(f"tiers    {took} ms, measured {measured['date']} ({measured['name']})")
    if "cost" in document:
        lines.append(f"cost     {dollars(document['cost']['dollars_per_day']['total'])} a day")
    yield Text("\n".join(lines) + "\n")
    if "warming" in document:
        yield _warming(document)
    if document["curves"]:
        yield _curves(document["curves"], document["policy"])


def _tiers(document: dict[str, Any]) -> Table:
    table = Table(
        "", "requests", *TIERS[:ORIGIN], "edges", "edges, bytes", "to the origin", box=None, pad_edge=False
    )
    for column in table.columns[1:]:
        column.justify = "right"
    places = [("all", document["all"])]
    if len(document["regions"]) > 1:
        places += document["regions"].items()
    for name, place in places:
        table.add_row(
            name,
            amount(place["requests"]),
            *(f"{place['tiers'][tier]['hit_ratio']['value']:.2%}" for tier in TIERS[:ORIGIN]),
            per_cent(place["edge"]["hit_ratio"]),
            per_cent(place["edge"]["byte_hit_ratio"]),
            per_cent(place["origin"]["share"]),
        )
    return table


def _warming(document: dict[str, Any]) -> Table:
    table = Table("fetching ahead", "without", "with", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in warming_rows(document):
        table.add_row(*row)
    return table


def _curves(curves: dict[str, Any], chosen: str) -> Table:
    sizes = [amount(point["bytes"], "B") for point in next(iter(curves.values()))]
    table = Table("missed by a memory of", *sizes, box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, points in curves.items():
        table.add_row(
            Text(name, "bold" if name == chosen else ""), *(f"{point['miss_ratio']:.1%}" for point in points)
        )
    return table
