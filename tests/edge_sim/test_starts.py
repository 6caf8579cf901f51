"""The comparison of starts: what it judges and what it draws, from starts that are written down here."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from benchmarks.starts import report
from benchmarks.starts.__main__ import (
    NETWORKS,
    NEW,
    SECURE,
    VIRTUAL,
    WARM,
    Cell,
    as_page,
    cells,
    floor_ms,
    verdicts,
)
from benchmarks.starts.browser import OURS
from edge_sim.links import Network
from edge_sim.player.waterfall import Span, Waterfall

SPANS = [
    {"name": "bundle", "start": 0.0, "ms": 60.0, "bytes": 9_000},
    {"name": "first sound", "start": 60.0, "ms": 20.0, "bytes": 0},
]


def cell(player: str, connection: str, totals: list[float], network: Network = NETWORKS[0]) -> Cell:
    made = Cell(network, "cbcs", "tonearm", player, connection, len(totals))
    made.starts += [{"total": total, "spans": SPANS} for total in totals]
    return made


def test_a_target_is_met_by_a_percentile_that_happened():
    fast = [100.0] * 98 + [199.0, 900.0]  # of a hundred, the 99th
    judged = verdicts(
        [cell(OURS, WARM, fast), cell(VIRTUAL, WARM, [121.0, 130.0, 201.0]), cell("hls.js", WARM, [900.0])]
    )
    assert [(each["who"], each["measured"], each["met"]) for each in judged] == [
        (f"{OURS}, cbcs", 100.0, True),
        (f"{VIRTUAL}, cbcs", 130.0, False),
        (f"{OURS}, cbcs", 199.0, True),
        (f"{VIRTUAL}, cbcs", 201.0, False),
    ]


def test_what_never_sounded_has_missed():
    (judged,) = verdicts([cell(OURS, SECURE, [])])
    assert (judged["measured"], judged["met"]) == (None, False)
    assert "300 ms" in judged["target"]
    (judged,) = verdicts([cell(OURS, SECURE, [150.0], NETWORKS[1])])
    assert "200 ms" in judged["target"]
    assert judged["met"]


def test_floors_are_round_trips_and_bytes():
    network = NETWORKS[0]
    bytes_ms = (11_000 + 8 * 52 + 302) * 8 / network.kbits
    assert floor_ms(network, WARM) == pytest.approx(50 + bytes_ms, abs=0.1)
    assert floor_ms(network, NEW) == pytest.approx(100 + bytes_ms, abs=0.5)
    assert floor_ms(network, SECURE) == pytest.approx(150 + bytes_ms, abs=4)


def test_peers_play_what_they_can_and_only_on_the_first_link():
    first = list(cells(NETWORKS[0], 5, 2, ["tonearm", "nginx"]))
    assert {each.player for each in cells(NETWORKS[1], 5, 2, ["tonearm", "nginx"])} == {OURS, VIRTUAL}
    assert {each.server for each in cells(NETWORKS[0], 5, 2, ["tonearm"])} == {"tonearm"}
    encrypted = {(each.server, each.player) for each in first if each.protection == "cbcs"}
    assert ("tonearm", "native") not in encrypted
    assert ("nginx", "hls.js") not in encrypted
    assert {each.runs for each in first if each.player == "dash.js"} == {2}


def test_a_virtual_start_is_told_as_a_page_tells_its_own():
    spans = Span("bundle", 0, 60_000_000, 9_000), Span("decode", 60_000_000, 61_000_000)
    told = as_page(Waterfall("warm", spans, 1024, 0.5))
    assert told["total"] == 61.0
    assert told["spans"][0] == {"name": "bundle", "start": 0.0, "ms": 60.0, "bytes": 9_000}


def test_the_page_draws_every_cell_and_says_who_does_not_play():
    silent = cell("dash.js", WARM, [])
    silent.failed.append("113: <DRM>")
    found = [cell(OURS, WARM, [80.0, 90.0, 100.0]), cell("hls.js", WARM, [300.0]), silent]
    made = {
        "about": {"load_before": 1.0, "load_after": 2.0, "RTT 50 ms": {"cold_edge_ms": {"cbcs": 130.0}}},
        "cells": [each.to_dict() for each in found],
        "verdicts": verdicts(found),
    }
    made = json.loads(json.dumps(made))
    tree = etree.HTML(report.page(made))
    assert tree.xpath("//@src | //@href") == []
    assert len(tree.xpath("//svg")) == 3  # one of all starts, a waterfall of each that sounded
    assert tree.xpath("//td[text()='our page, ours']/following-sibling::td/text()") == [
        "3",
        "90.0 ms",
        "100 ms",
        "100 ms",
    ]
    assert tree.xpath("//td[text()='dash.js, ours']/following-sibling::td/text()") == ["0", "–", "–", "–"]
    tables = report.markdown(made)
    assert "| 50 | warm | cbcs | our page, ours | 3 | 90 | 100 | 100 | 69 |" in tables
    assert "dash.js, ours (failed: 113: <DRM>)" in tables
    assert "RTT 50 ms, warm: p50 at most 120 ms | our page, cbcs | 90.0 ms | met |" in tables
