"""BOLA: the thresholds of the paper's formula, dash.js's two equations, and a buffer that fills and drains."""

from __future__ import annotations

from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.abr import Situation, abr
from edge_sim.abr.bola import Bola

MUSIC = (24_000, 96_000, 160_000, 320_000)
# The ten bit rates of Big Buck Bunny that the paper evaluates with (table I), in bit/s.
BUNNY = (230_000, 331_000, 477_000, 688_000, 991_000, 1_427_000, 2_056_000, 2_962_000, 5_027_000, 6_000_000)


def by_hand(ladder, minimum, target):
    """Where dash.js says that each rendition begins: V·((u₁·b - u·b₁)/(b - b₁) + g), in its own units and with its own offset of 1."""
    utilities = [log(rate / ladder[0]) + 1 for rate in ladder]
    gain = (utilities[-1] - 1) / (target / minimum - 1)
    control = minimum / gain
    steps = zip(pairwise(utilities), pairwise(ladder), strict=True)
    return [control * ((u1 * b - u * b1) / (b - b1) + gain) for (u1, u), (b1, b) in steps]


@pytest.mark.parametrize("ladder", [MUSIC, BUNNY])
def test_thresholds_are_those_of_dash_js(ladder):
    told = by_hand(ladder, 10.0, 30.0)
    assert Bola().thresholds(ladder)[1:] == pytest.approx([1000 * level for level in told], abs=1)


def test_thresholds_of_music():
    assert [round(level, -2) for level in Bola().thresholds(MUSIC)] == [0, 14_200, 22_500, 27_000]


@pytest.mark.parametrize("ladder", [MUSIC, BUNNY])
def test_each_rendition_begins_at_its_threshold(ladder):
    bola = Bola()
    for index, level in enumerate(bola.thresholds(ladder)):
        assert bola.by_buffer(ladder, level) == index
        if index:
            assert bola.by_buffer(ladder, level - 2) == index - 1


def test_the_lowest_at_the_minimum_and_the_highest_at_the_target():
    bola = Bola(minimum_ms=8000, target_ms=40_000)
    assert bola.by_buffer(MUSIC, 8000) == 0
    assert bola.by_buffer(MUSIC, 40_000) == 3


@given(st.lists(st.integers(8_000, 10**7), min_size=1, max_size=12, unique=True), st.integers(0, 60_000))
def test_more_buffer_never_asks_for_less(rates, buffer_ms):
    ladder = sorted(rates)
    assert Bola().by_buffer(ladder, buffer_ms) <= Bola().by_buffer(ladder, min(buffer_ms + 500, 30_000)) or (
        buffer_ms >= 30_000
    )


def test_a_ladder_of_one():
    assert Bola().choose([96_000], Situation(20_000, 0, 0)) == 0
    assert Bola().thresholds([96_000]) == [0]


def test_a_start_goes_by_the_link_and_the_placeholder_makes_bola_agree():
    bola = abr("bola")
    assert isinstance(bola, Bola)
    assert bola.choose(MUSIC, Situation(0, None, 1)) == 1  # nothing known: where starts are made
    bola.measured(60_000, 1000)
    assert bola.choose(MUSIC, Situation(1000, 1, 1)) == 3  # 480 kbit/s, nine tenths of it
    assert bola.placeholder_ms + 1000 == bola.thresholds(MUSIC)[3]
    assert bola.choose(MUSIC, Situation(5000, 3, 1)) == 3  # steady: five seconds alone would be the lowest
    assert Bola().choose(MUSIC, Situation(5000, 3, 1)) == 0


def test_the_placeholder_fades_and_goes_at_once_when_the_music_stops():
    bola = Bola()
    bola.measured(60_000, 1000)
    bola.choose(MUSIC, Situation(0, None, 1))
    chosen = [bola.choose(MUSIC, Situation(6000, 3, 1)) for _ in range(200)]
    assert chosen[0] == 3
    assert chosen[-1] == 0
    assert sorted(chosen, reverse=True) == chosen
    bola.moved()
    bola.choose(MUSIC, Situation(0, None, 1))
    assert bola.placeholder_ms > 20_000
    bola.dry()
    assert bola.placeholder_ms == 0


def test_it_does_not_climb_above_what_the_link_bears():
    """BOLA-O: a full buffer over a link of 200 kbit/s stays with 160."""
    bola = Bola()
    for _ in range(30):
        bola.measured(25_000, 1000)
    bola.choose(MUSIC, Situation(5000, 2, 1))
    assert bola.by_buffer(MUSIC, 29_000) == 3
    assert bola.choose(MUSIC, Situation(29_000, 2, 1)) == 2
    assert bola.choose(MUSIC, Situation(29_000, 3, 1)) == 3  # to stay is no climbing


@pytest.mark.parametrize(("link", "settles"), [(60_000, {0}), (130_000, {0, 1}), (1_000_000, {3})])
def test_a_buffer_that_fills_and_drains(link, settles):
    """Ten minutes over a steady link, the buffer kept below 30 s: no stall after the start, and the ladder's right place."""
    bola, ahead, current, seen, stalls = Bola(), 0, None, [], 0
    for number in range(150):
        index = bola.choose(MUSIC, Situation(ahead, current, 1))
        size = MUSIC[index] * 4 // 8
        took = size * 8000 // link
        bola.measured(size, took)
        if number and took > ahead:
            stalls += 1
            bola.dry()
        ahead = max(0, ahead - took) + 4000
        ahead = min(ahead, 30_000)
        current = index
        seen.append(index)
    assert set(seen[20:]) <= settles
    assert stalls <= 2
