"""The parts of a report: one HTML page with nothing to load, its sections, cards and tables. Text is escaped here."""

from __future__ import annotations

from html import escape

from edge_sim.report.style import STYLE


def html(title: str, under: str, body: str) -> str:
    """The page around `body`; title and the line under it are text."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(under)}</p>{body}</body></html>\n"
    )


def card(value: str, what: str) -> str:
    """A number and what it is; after ± it is small."""
    number, sign, error = value.partition(" ± ")
    return f'<div class="card"><b>{escape(number)}<small>{escape(sign + error)}</small></b><span>{escape(what)}</span></div>'


def section(title: str, text: str, content: str, legend: tuple[str, ...] = ()) -> str:
    """`content` is HTML; a legend entry is a word and its colour's class."""
    entries = "".join(f'<span class="{escape(name)}"><i></i>{escape(name)}</span>' for name in legend)
    keys = f'<div class="legend">{entries}</div>' if legend else ""
    return f"<section><h2>{escape(title)}</h2><p>{escape(text)}</p>{keys}{content}</section>"


def table(head: list[str], rows: list[list[str]], classes: list[list[str]] | None = None) -> str:
    """`classes` may give each cell one."""
    cells = [
        "".join(
            f'<td class="{classes[down][across]}">{escape(cell)}</td>'
            if classes
            else f"<td>{escape(cell)}</td>"
            for across, cell in enumerate(row)
        )
        for down, row in enumerate(rows)
    ]
    return (
        f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>"
        f"{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
    )
