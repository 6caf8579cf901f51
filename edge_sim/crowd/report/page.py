"""The report of one run, beside another if there is one: `page` makes HTML of the JSON documents, and of nothing else."""

from __future__ import annotations

from html import escape
from typing import Any

from edge_sim.crowd.report import plots, words
from edge_sim.crowd.report.compare import rows
from edge_sim.crowd.tiers import TIERS
from edge_sim.report.comparison import on_page
from edge_sim.report.page import card, html, section, table

Document = dict[str, Any]


def page(document: Document, before: Document | None = None) -> str:
    """One HTML page, with nothing to load."""
    believed = document["verdict"]["believed"]
    warning = "" if believed else "The generator was the bottleneck: these numbers are not to be believed. "
    parts = sorted({part for _, each in words.groups(document) for part in each["parts"]})
    sections = [
        section("How long starts took", _starts_text(document), plots.distribution(document, before), _curves(before)),
        section("What they waited for", "The mean start; each moment belongs to what ended next.", plots.waterfalls(document), tuple(parts)),
        section("Start times", "", _starts(document)),
        section("Starts over time", "", plots.starts_over_time(document) + plots.listeners(document)),
        section("Trouble over time", "Rebuffering, and presses that came to nothing.", plots.trouble_over_time(document) + _errors(document)),
        section("Who answered", _cache_text(document), plots.cache_over_time(document), TIERS),
        section("When and where", "Requests that a region's edge answered itself: the darker the more.", plots.regions(document)),
        section("The music", "", table(["", ""], [list(each) for each in words.music(document)])),
    ]  # fmt: skip
    if before is not None:
        content = on_page(list(rows(before, document)), ("other", "this", ""))
        sections.insert(0, section("Against the other run", words.subtitle(before), content))
    if document.get("faults"):
        told = "".join(f"<p>{escape(each)}.</p>" for each, _ in words.recoveries(document))
        content = table(words.FAULT_HEAD, words.faults(document)) + told
        sections.insert(0, section("What listeners noticed of faults", "", content))
    said = "".join(f"<p>{escape(each)}</p>" for each in words.honesty(document))
    body = f"{_cards(document)}{''.join(sections)}<section><h2>How it was measured</h2>{said}</section>"
    return html("Tonearm: a crowd of listeners", warning + words.subtitle(document), body)


def _cards(document: Document) -> str:
    starts = document["starts"]["all"]
    cards = [
        (words.ms(starts["p50"]), "start time, p50"),
        *(
            (value, f"{name}: {'within' if met else 'over'} {target}")
            for name, value, target, met in words.verdict(document)
        ),
        (words.percent(document["cache"]["hit_ratio"]), "of requests answered by the edges"),
        (f"{starts['count']:,}", "starts"),
    ]
    return f'<div class="cards">{"".join(card(value, what) for value, what in cards)}</div>'


def _curves(before: Document | None) -> tuple[str, ...]:
    return ("all", "new", "warm", *(("before",) if before is not None else ()))


def _starts_text(document: Document) -> str:
    starts = document["starts"]
    return f"{starts['pressed']:,} presses, {starts['failed']} failed, {starts['abandoned']} given up. New and warm are connections."


def _starts(document: Document) -> str:
    keys = ("p50", "p75", "p95", "p99", "p100")
    return table(
        ["", "starts", *keys, "mean"],
        [
            [name, f"{each['count']:,}", *(words.ms(each[key]) for key in keys), words.ms(each["mean"])]
            for name, each in words.groups(document)
        ],
    )


def _errors(document: Document) -> str:
    if not document["errors"]:
        return "<p>No errors.</p>"
    return table(["error", "times"], [[kind, str(number)] for kind, number in document["errors"].items()])


def _cache_text(document: Document) -> str:
    tiers = document["cache"]["tiers"]
    said = ", ".join(f"{tier} {words.percent(share)}" for tier, share in tiers.items() if share)
    return f"{document['cache']['requests']:,} requests: {said}."
