"""Two runs side by side, on the page and on the terminal. What counts as a difference is for each laboratory to say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from edge_sim.report.page import table

_COLOURS = {"better": "green", "worse": "red"}
_HEAD = ("A", "B", "B against A")


@dataclass(frozen=True, slots=True)
class Row:
    """A number of both, as text; `verdict` says what the second is: ``better``, ``worse``, ``same``, or nothing where no direction is good."""

    name: str
    before: str
    after: str
    change: str
    verdict: str


def on_page(rows: Sequence[Row], head: Sequence[str] = _HEAD) -> str:
    """An HTML table; `head` names the three columns after the rows' names."""
    return table(
        ["", *head],
        [[row.name, row.before, row.after, row.change] for row in rows],
        [["", "", "", row.verdict] for row in rows],
    )


def on_terminal(rows: Sequence[Row], head: Sequence[str] = _HEAD) -> Table:
    lines = Table("", *head, box=None, pad_edge=False)
    for column in lines.columns[1:]:
        column.justify = "right"
    for row in rows:
        lines.add_row(row.name, row.before, row.after, Text(row.change, _COLOURS.get(row.verdict, "")))
    return lines
