"""The report of a run: `page` makes HTML of the JSON document, and of nothing else."""

from __future__ import annotations

from typing import Any

from benchmarks.load import plots
from benchmarks.load.compare import rows
from benchmarks.load.summary import sentence
from edge_sim.report.comparison import on_page
from edge_sim.report.page import card, html, section, table

Result = dict[str, Any]


def page(result: Result, before: Result | None) -> str:
    """One HTML page, with nothing to load."""
    asked = result["asked"]
    under = (
        f"{asked['users']} listeners for {asked['seconds']} s, {asked['compression']:g} s of music in a second · "
        f"{result['requests']['count']:,} requests · {asked['catalogue']}"
    )
    sections = [_cards(result), _verdict(result)]
    if before is not None:
        sections.append(_comparison(before, result))
    pair = [
        section("How long a start takes", _starts(result), plots.starts(result), plots.START_LEGEND),
    ]
    if result["open_loop"] is not None:
        pair.append(
            section("What a closed loop hides", _loops(result), plots.loops(result), plots.LOOP_LEGEND)
        )
    sections.append(f'<div class="grid2">{"".join(pair)}</div>')
    sections.append(
        section(
            "Requests and hits",
            "Requests a second, and what part of them the edge answered from memory. It begins empty: the first of each object is a miss.",
            plots.requests(result) + plots.hits(result),
        )
    )
    sections.append(
        section(
            "Answers over time",
            "From the request's first byte to the answer's last, as a listener's player sees it.",
            plots.latency(result),
            plots.LATENCY_LEGEND,
        )
    )
    sections.append(section("Music that stopped", _rebuffer(result), plots.stalls(result)))
    if any(result["over_time"]["cpu"].values()):
        sections.append(section("Who was busy", _busy(result), plots.cpu(result), plots.cpu_legend(result)))
    sections.append(section("By kind of request", "In milliseconds.", _kinds(result)))
    return html("Tonearm under load", under, "".join(sections))


def _cards(result: Result) -> str:
    warm, rebuffer = result["starts"]["warm"], result["rebuffer"]
    cards = [
        (f"{warm[name]:.0f} ms" if name in warm else "none", f"start time, {name}") for name in ("p50", "p99")
    ]
    cards.append((f"{result['cache']['ratio']:.1%}", "of requests answered from the edge's memory"))
    cards.append((f"{rebuffer['ratio']:.2%}", f"of listening was silence, {rebuffer['stalls']} stalls"))
    cards.append(
        (str(sum(result["failures"].values())), f"of {result['requests']['count']:,} requests failed")
    )
    if result["open_loop"] is not None:
        cards.append((f"{result['open_loop']['from_due']['p99']:.1f} ms", "open loop, p99"))
    return f'<div class="cards">{"".join(card(value, what) for value, what in cards)}</div>'


def _verdict(result: Result) -> str:
    lines = result["verdict"]["lines"]
    content = table(
        ["", "target", "figure", ""],
        [[line["name"], line["limit"], line["figure"], "met" if line["met"] else "missed"] for line in lines],
        [["", "", "", "better" if line["met"] else "worse"] for line in lines],
    )
    failures = table(["failure", "times"], [[name, str(times)] for name, times in result["failures"].items()])
    return section("Verdict", sentence(result), content + (failures if result["failures"] else ""))


def _comparison(before: Result, after: Result) -> str:
    content = on_page(list(rows(before, after)), ("before", "now", "change"))
    return section("Against the run before", "What changed by less than a tenth is noise.", content)


def _starts(result: Result) -> str:
    starts = result["starts"]
    players = ", ".join(
        f"{name} {each['p50']:.0f} ms (p99 {each['p99']:.0f})" for name, each in starts["by_player"].items()
    )
    return (
        "From the press to the last byte of header, licence and first segment: one request for our player (the start bundle), six one after another for HLS. "
        "Decoding is not in it. "
        f"Warm: the edge had everything ({starts['warm']['count']:,} starts); cold: it had to fetch something ({starts['cold']['count']:,}). By player: {players or 'none'}."
    )


def _loops(result: Result) -> str:
    opened = result["open_loop"]
    return (
        f"{opened['requests']:,} segments at {opened['rate']} a second, at random moments fixed beforehand, after the listeners had left. Counted from the due moment, "
        "an answer's time has the queue before it in it; counted from when a connection was free, as closed loops do, it has not. The third line is what the listeners saw."
    )


def _rebuffer(result: Result) -> str:
    rebuffer = result["rebuffer"]
    return f"Segments that came later than a listener needed them: {rebuffer['silence_ms'] / 1000:.1f} s of silence in {rebuffer['played_ms'] / 1000:.0f} s of listening."


def _busy(result: Result) -> str:
    load = result["generator"]["cpu"]
    locust = f"; locust {load['p50']:.0f} %, {load['p90']:.0f} % in its busiest tenth" if load else ""
    return f"Per cent of one core, the busiest process of each tier{locust}; machine: of all cores, and everybody's. They share it: mind that before you take a number elsewhere."


def _kinds(result: Result) -> str:
    names = ("p50", "p90", "p99", "max")
    return table(
        ["", "requests", *names],
        [
            [name, f"{each['count']:,}", *(f"{each[point]:.1f}" for point in names)]
            for name, each in result["requests"]["by_name"].items()
        ],
    )
