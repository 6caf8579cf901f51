"""A report for people: a line that says what it is, and a tree with one line a box."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text
from rich.tree import Tree

from media.text import one_line
from packager.inspect.report import Part, Report


def lines(report: Report, depth: int | None = None) -> Group:
    """The report as text and a tree of `depth` levels, ``None`` for all."""
    head = Text.assemble((one_line(report.name), "bold"), f"  {report.kind}, {report.size:,} bytes")
    widest = max((len(each.name) for each in report.fields), default=0)
    summary = [
        Text.assemble((f"  {each.name:{widest}}  ", "cyan"), printable(each.text)) for each in report.fields
    ]
    root = Tree("", guide_style="dim", hide_root=True)
    for part in report.parts:
        _grow(root, part, depth)
    return Group(head, *summary, *([root] if root.children else []))


def _grow(branch: Tree, part: Part, depth: int | None) -> None:
    if depth is not None and depth < 1:
        return
    twig = branch.add(_line(part))
    for inner in () if part.folded else part.parts:
        _grow(twig, inner, None if depth is None else depth - 1)


def _line(part: Part) -> Text:
    line = Text.assemble((printable(part.name), "dim" if part.folded else "bold"))
    if part.offset is not None:
        line.append(f" @{part.offset:,}", "dim")
    if part.size is not None:
        line.append(f" {part.size:,} B", "dim")
    for number, each in enumerate(part.fields):
        line.append(" · " if number else "  ", "dim")
        line.append(f"{each.name} ", "cyan")
        line.append(printable(each.text))
    if part.error:
        line.append(f"  {printable(part.error)}", "bold red")
    return line


def printable(text: str) -> str:
    """What a file says may be meant for the terminal: nothing that is no sign on paper gets there."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)
