"""Numbers and pictures of a start."""

from __future__ import annotations

import io
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge_sim.player.chart import chart
from edge_sim.player.connection import nearest_cache, shown
from edge_sim.player.report import document
from edge_sim.player.waterfall import Span, Summary, Waterfall, by_kind, nearest_rank

MS = 1_000_000


def start(kind: str, total_ms: int) -> Waterfall:
    half = total_ms * MS // 2
    spans = (Span("manifest", 0, half, 900, "hit"), Span("decode", half, total_ms * MS))
    return Waterfall(kind, spans, 1024, 0.5, "http://edge/00001.m4s", "cbcs")


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(1, 100))
def test_nearest_rank_by_its_definition(values, percent):
    found = nearest_rank(sorted(values), percent)
    assert found in values
    assert Fraction(sum(value <= found for value in values), len(values)) >= Fraction(percent, 100)
    assert Fraction(sum(value < found for value in values), len(values)) < Fraction(percent, 100)


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError, match="no values"):
        Summary.of([])


def test_summary_and_target():
    summary = Summary.of([start("warm", each) for each in range(100, 0, -1)])
    assert summary.to_dict() == {"runs": 100, "p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}
    assert summary.meets(95)
    assert not summary.meets(94)


def test_kinds_are_told_apart_and_absent_ones_left_out():
    starts = [start("warm", 1), start("cold", 2), start("warm", 3)]
    assert by_kind(starts) == {"cold": [starts[1]], "warm": [starts[0], starts[2]]}
    assert list(by_kind(starts)) == ["cold", "warm"]
    assert list(by_kind(starts[2:])) == ["warm"]


def test_the_machines_view_is_in_ms():
    assert start("cold", 10).to_dict() == {
        "kind": "cold",
        "total_ms": 10.0,
        "samples": 1024,
        "peak": 0.5,
        "segment": "http://edge/00001.m4s",
        "protection": "cbcs",
        "spans": [
            {"name": "manifest", "start_ms": 0.0, "ms": 5.0, "bytes": 900, "cache": "hit"},
            {"name": "decode", "start_ms": 5.0, "ms": 5.0, "bytes": 0, "cache": ""},
        ],
    }


def test_the_picture_shows_the_median_start_of_each_kind_on_one_scale():
    starts = [
        *(start("cold", each) for each in (100, 90, 300)),
        *(start("warm", each) for each in (10, 50, 20)),
    ]
    out = io.StringIO()
    Console(file=out, width=76, highlight=False).print(
        *chart(starts, document(starts, target_ms=200, crossing=None))
    )
    lines = [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]
    assert lines.pop(0) == "http://edge/00001.m4s, cbcs"
    assert lines[0] == "cold start, 100.0 ms to the first sample (the median run)"
    assert lines[3] == "warm start, 20.0 ms to the first sample (the median run)"
    cold, warm = lines[2].count("█"), lines[5].count("█")
    assert 4 <= cold / warm <= 6
    assert lines[1].split()[0] == "manifest"
    assert lines[1].split()[2:] == ["50.0", "ms", "900", "B", "hit"]
    assert lines[7].split() == [
        "cold",
        "3",
        *["100.0", "ms", "300.0", "ms", "300.0", "ms", "✗", "over", "200", "ms"],
    ]
    assert lines[8].split() == [
        "warm",
        "3",
        *["20.0", "ms", "50.0", "ms", "50.0", "ms", "✓", "within", "200", "ms"],
    ]


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("tonearm-edge; hit", "hit"),
        ("shield; hit, tonearm-edge; fwd=uri-miss; stored", "miss"),
        ("tonearm-edge; fwd=stale; fwd-status=304", "stale"),
        ("tonearm-edge;fwd=bypass", "pass"),
        ("hit; fwd=miss", ""),
        ("", ""),
    ],
)
def test_what_the_nearest_cache_did(status, word):
    assert nearest_cache(status) == word


def test_no_token_and_no_query_is_shown():
    assert shown("http://h/t/secret/songs/a?secret") == "http://h/t/…/songs/a"
