"""What `python -m benchmarks.starts` found, as a page and as the tables of docs/benchmarks.md; both from the JSON document alone."""

from __future__ import annotations

from typing import Any

from edge_sim.report.page import card, html, section, table
from edge_sim.report.starts import cdf, legend, waterfall
from edge_sim.report.words import span_ms

Document = dict[str, Any]
_POINTS = ("p50", "p95", "p99")


def page(made: Document) -> str:
    """One HTML page, with nothing to load."""
    judged = made["verdicts"]
    met = sum(each["met"] for each in judged)
    sections = [
        section(
            "Targets",
            "For our page in Chromium and for the virtual player.",
            table(
                ["target", "who", "measured", ""],
                [
                    [each["target"], each["who"], said(each["measured"]), "met" if each["met"] else "missed"]
                    for each in judged
                ],
                [["", "", "", "better" if each["met"] else "worse"] for each in judged],
            ),
        )
    ]
    groups: dict[tuple[int, str, str], list[Document]] = {}
    for cell in made["cells"]:
        groups.setdefault((cell["rtt_ms"], cell["connection"], cell["protection"]), []).append(cell)
    for (rtt_ms, connection, protection), cells in groups.items():
        series = {
            name(cell): [start["total"] for start in cell["starts"]] for cell in cells if cell["starts"]
        }
        if not series:
            continue
        title = f"RTT {rtt_ms} ms, {connection}, {'in the clear' if protection == 'none' else protection}"
        rows = [
            [name(cell), str(len(cell["starts"])), *(said(cell.get(point)) for point in _POINTS)]
            for cell in cells
        ]
        body = legend(series) + cdf(series, {"floor": cells[0]["floor"], "200 ms": 200.0})
        sections.append(
            section(
                title,
                f"The floor is {span_ms(cells[0]['floor'])}.",
                body + table(["", "starts", *_POINTS], rows),
            )
        )
        drawn = []
        for cell in (each for each in cells if each["starts"]):
            start = sorted(cell["starts"], key=lambda each: each["total"])[(len(cell["starts"]) - 1) // 2]
            bars = [
                (span["name"], span["start"], span["ms"], f"{span['bytes']:,} B" if span["bytes"] else "")
                for span in start["spans"]
            ]
            text = f"{span_ms(start['total'])} to the first sound, the median start"
            drawn.append(
                section(
                    name(cell),
                    text,
                    waterfall(bars, start["total"] * 1.1, name(cell), {"floor": cell["floor"]}),
                )
            )
        sections.append(f'<div class="grid2">{"".join(drawn)}</div>')
    cards = card(f"{met} of {len(judged)}", "targets met")
    for cell in made["cells"]:
        if (
            cell["player"] == "our page"
            and cell["connection"] == "warm"
            and cell["protection"] == "cbcs"
            and cell["starts"]
        ):
            cards += card(span_ms(cell["p50"]), f"our page, warm, RTT {cell['rtt_ms']} ms, p50")
            cards += card(span_ms(cell["p99"]), f"our page, warm, RTT {cell['rtt_ms']} ms, p99")
    return html(
        "Tonearm: how soon a song sounds",
        f"Real Chromium and the virtual player over links emulated below TCP; load of the machine {made['about']['load_before']:.1f} before, {made['about']['load_after']:.1f} after.",
        f'<div class="cards">{cards}</div>{"".join(sections)}',
    )


def name(cell: Document) -> str:
    return f"{cell['player']}, {'ours' if cell['server'] == 'tonearm' else 'Shaka + nginx'}"


def said(value: float | None) -> str:
    return "–" if value is None else span_ms(value)


def markdown(made: Document) -> str:
    """The tables."""
    lines = [
        "| RTT ms | connection | protection | player | starts | p50 | p95 | p99 | floor |",
        "| --- " * 9 + "|",
    ]
    for cell in made["cells"]:
        points = " | ".join(f"{cell[point]:.0f}" if point in cell else "–" for point in _POINTS)
        failed = f" (failed: {cell['failed'][0][:80]})" if cell["failed"] else ""
        lines.append(
            f"| {cell['rtt_ms']} | {cell['connection']} | {cell['protection']} | {name(cell)}{failed} | {len(cell['starts'])} | {points} | {cell['floor']:.0f} |"
        )
    lines += ["", "| target | who | measured | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {each['target']} | {each['who']} | {said(each['measured'])} | {'met' if each['met'] else '**missed**'} |"
        for each in made["verdicts"]
    ]
    cold = {key: value["cold_edge_ms"] for key, value in made["about"].items() if isinstance(value, dict)}
    lines += ["", f"Cold edge, virtual player, new TCP: {cold}"]
    return "\n".join(lines)
