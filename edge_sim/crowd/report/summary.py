"""The outcome on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from edge_sim.crowd.report import words
from edge_sim.crowd.report.compare import rows
from edge_sim.report.comparison import on_terminal
from edge_sim.report.words import amount

Document = dict[str, Any]


def summary(document: Document, before: Document | None = None) -> Iterator[RenderableType]:
    """Starts, music, caches, errors, what changed, the verdict."""
    yield Text(words.subtitle(document), "dim")
    yield _starts(document)
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in words.music(document):
        table.add_row(name, value)
    cache = document["cache"]
    tiers = ", ".join(f"{tier} {words.percent(share)}" for tier, share in cache["tiers"].items() if share)
    table.add_row("answered by", f"{tiers} of {cache['requests']:,} requests, {amount(cache['bytes'], 'B')}")
    for kind, number in document["errors"].items():
        table.add_row("", Text(f"{number} × {kind}", "red"))
    yield table
    yield _lines((said, "red" if "NOT to be believed" in said else "dim") for said in words.honesty(document))
    if document.get("faults"):
        yield _faults(document)
        yield _lines(
            (f"{'✓' if well else '✗'} {said}", "green" if well else "red")
            for said, well in words.recoveries(document)
        )
    if before is not None:
        yield on_terminal(list(rows(before, document)))
    yield _verdict(document)


def _starts(document: Document) -> Table:
    table = Table("start time", "starts", "p50", "p95", "p99", "waited for", box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for name, group in words.groups(document):
        parts = ", ".join(f"{part} {value:.1f}" for part, value in list(group["parts"].items())[:3])
        table.add_row(
            name,
            f"{group['count']:,}",
            *(words.ms(group[key]) for key in ("p50", "p95", "p99")),
            Text(parts, "dim"),
        )
    return table


def _verdict(document: Document) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value, target, met in words.verdict(document):
        table.add_row(
            Text("✓" if met else "✗", "green" if met else "red"),
            name,
            value,
            Text(f"at most {target}", "dim"),
        )
    return table


def _faults(document: Document) -> Table:
    table = Table(*words.FAULT_HEAD, box=None, pad_edge=False)
    for column in table.columns[1:5]:
        column.justify = "right"
    for row in words.faults(document):
        table.add_row(*row[:-1], Text(row[-1], "dim" if row[-1] == "none" else "red"))
    return table


def _lines(said: Iterable[tuple[str, str]]) -> Table:
    """Text and style, each on a line of its own."""
    table = Table.grid()
    for text, style in said:
        table.add_row(Text(text, style))
    return table
