"""The parts of a crowd without any server: the buffer, arrivals, habits, what Cache-Status and CMCD say."""

from __future__ import annotations

import re

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.crowd import cmcd
from edge_sim.crowd.arrivals import RAMP_MS, arrivals
from edge_sim.crowd.clients import score
from edge_sim.crowd.deck import Deck
from edge_sim.crowd.habits import Charts, Habits
from edge_sim.crowd.lag import Lag
from edge_sim.crowd.notes import kind_of, parts
from edge_sim.crowd.options import Regions
from edge_sim.crowd.run import own_address
from edge_sim.crowd.settings import Place, Settings
from edge_sim.crowd.tiers import answered
from edge_sim.player.connection import Refused
from edge_sim.player.waterfall import Span
from media.errors import FormatError, UpstreamFailed, UpstreamTimeout
from origin.cmcd import read

HERE = Place("here", "http://127.0.0.1:1/")


class TestDeck:
    def test_music_plays_while_there_is_some_and_then_it_stalls(self):
        deck = Deck(10_000, end=3000)
        assert deck.passes(2000) == 0
        assert (deck.position, deck.ahead, deck.stalls) == (2000, 1000, 0)
        assert deck.passes(1500) == 500
        assert deck.passes(100) == 100
        assert (deck.position, deck.stalled_ms, deck.stalls) == (3000, 600, 1)  # one silence, however long
        deck.lay(7000)
        assert deck.passes(1000) == 0
        assert (deck.played_ms, deck.stalls) == (4000, 1)

    def test_silence_behind_the_end_is_no_stall(self):
        deck = Deck(4000, position=3000, end=4000)
        assert deck.passes(1700) == 700
        assert (deck.stalled_ms, deck.stalls) == (0, 0)

    def test_the_next_song_follows_without_silence(self):
        deck = Deck(4000, position=3000, end=4000, following=4000)
        assert deck.passes(1700) == 0
        assert deck.position == 4700

    def test_a_jump_within_the_buffer_needs_nothing(self):
        deck = Deck(100_000, position=20_000, first=10_000, end=40_000)
        assert deck.jump(10_000)
        assert deck.ahead == 30_000
        assert not deck.jump(40_000)
        assert (deck.first, deck.end, deck.ahead) == (40_000, 40_000, 0)

    @given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000)), max_size=30))
    def test_time_is_music_or_silence(self, steps):
        deck, passed, behind = Deck(60_000), 0, 0
        for fetched, ms in steps:
            deck.lay(min(deck.end + fetched, deck.length))
            silence = deck.passes(ms)
            behind += silence if deck.position >= deck.length else 0
            passed += ms
        assert deck.played_ms + deck.stalled_ms + behind == passed
        assert deck.position == deck.played_ms <= deck.end


class TestArrivals:
    def test_as_many_come_as_leave(self):
        settings = Settings((HERE,), 500, 600)
        coming = arrivals(settings, 100_000)
        there = [each for each in coming if each.resumes]
        assert len(there) == 500
        assert max(each.due_ms for each in there) < RAMP_MS
        assert len(coming) - 500 == pytest.approx(500 * 600 / 100, rel=0.1)
        assert [each.due_ms for each in coming] == sorted(each.due_ms for each in coming)

    def test_regions_have_their_shares(self):
        places = (Place("a", HERE.url, 3.0), Place("b", HERE.url, 1.0))
        coming = arrivals(Settings(places, 400, 300), 30_000)
        assert sum(each.place == 0 for each in coming) / len(coming) == pytest.approx(0.75, abs=0.03)

    def test_commuters_come_in_the_morning_of_their_region(self):
        """A day in 24 minutes: between eight and nine three times as many come as between eleven and two."""
        coming = arrivals(Settings((HERE,), 5000, 1440, speed=60, begin_minute=0), 60_000)

        def a_minute(first: int, last: int) -> float:
            inside = sum(
                first * 60_000 <= each.due_ms < last * 60_000 and not each.resumes for each in coming
            )
            return inside / (last - first)

        assert a_minute(7, 9) / a_minute(11, 14) == pytest.approx(2.7, abs=0.5)
        east = (Place("east", HERE.url, 1.0, 9),)
        coming = arrivals(Settings(east, 5000, 1440, speed=60, begin_minute=0), 60_000)
        assert a_minute(22, 24) / a_minute(2, 5) > 2

    def test_the_seed_says_who_comes_when(self):
        first, same, other = (arrivals(Settings((HERE,), 50, 60, seed=seed), 20_000) for seed in (1, 1, 2))
        assert first == same != other


def test_habits_are_as_published():
    habits = Habits(numpy.random.default_rng(3))
    wishes = [habits.wish(200_000) for _ in range(4000)]
    assert numpy.mean([wish.leave < 30_000 for wish in wishes]) == pytest.approx(0.35, abs=0.03)
    assert numpy.mean([wish.leave == 200_000 for wish in wishes]) == pytest.approx(0.51, abs=0.03)
    assert numpy.mean([wish.seek is not None for wish in wishes]) == pytest.approx(0.1, abs=0.03)
    assert all(wish.seek is None or max(wish.seek) < wish.leave for wish in wishes)
    assert numpy.mean([habits.songs() for _ in range(4000)]) == pytest.approx(10, abs=0.6)
    patience = numpy.array([habits.patience_ms() for _ in range(4000)])
    assert patience.min() >= 2000
    assert numpy.mean(patience < 12_000) == pytest.approx(1 - numpy.exp(-0.58), abs=0.03)


def test_the_charts_have_the_designs_shape():
    charts = Charts([str(number) for number in range(10_000)])
    assert charts.drawn_by(0.01) == pytest.approx(0.9)
    assert charts.drawn_by(0.1) == pytest.approx(0.99)
    random = numpy.random.default_rng(1)
    drawn = [int(charts.draw(random)) for _ in range(3000)]
    assert numpy.mean([rank < 100 for rank in drawn]) == pytest.approx(0.9, abs=0.02)
    assert Charts(["only"]).draw(random) == "only"


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("", ""),
        ("tonearm-edge; fwd=bypass", ""),
        ("tonearm-origin; hit", ""),
        ("tonearm-edge; hit", "memory"),
        ("tonearm-eu-west; hit; detail=disk", "disk"),
        ("tonearm-origin; hit, tonearm-edge; fwd=uri-miss; stored", "origin"),
        ("tonearm-edge; fwd=uri-miss; stored; collapsed", "joined"),
        ("tonearm-edge; fwd=stale; detail=stale-if-error", "memory"),
        ("tonearm-edge; hit; ttl=-2; detail=stale-while-revalidate", "memory"),
        ("tonearm-origin; hit, tonearm-edge; hit, tonearm-eu; fwd=uri-miss; stored", "shield"),
        ("tonearm-edge; fwd=uri-miss; stored, tonearm-eu; hit", "memory"),
    ],
)
def test_who_answered(said, who):
    assert answered(said) == who


def test_what_players_say_is_what_the_origin_reads():
    said = {"br": 160, "d": 4004, "ot": "a", "bl": 12_340, "mtp": 4980, "nor": "audio/x y.m4s", "su": True}
    said |= {"cid": "s1", "sf": "h", "sid": "abc", "st": "v", "bs": False}
    fields = cmcd.fields(said)
    assert set(fields) == {"CMCD-Object", "CMCD-Request", "CMCD-Session"}
    heard = {}
    for text in fields.values():
        assert [part.partition("=")[0] for part in text.split(",")] == sorted(
            part.partition("=")[0] for part in text.split(",")
        )
        heard |= read(text)
    assert heard == {
        "br": 160, "d": 4004, "ot": "a", "bl": 12_300, "mtp": 5000, "nor": "audio%2Fx%20y.m4s", "su": True,
        "cid": "s1", "sf": "h", "sid": "abc", "st": "v",
    }  # fmt: skip


def test_an_empty_buffer_is_worth_saying():
    assert cmcd.fields({"bl": 0, "bs": True, "su": False, "mtp": None}) == {
        "CMCD-Request": "bl=0",
        "CMCD-Status": "bs",
    }


def test_parts_of_a_start_add_up():
    spans = [Span("a", 10, 30), Span("b", 30, 60), Span("c", 30, 50), Span("late", 50, 200)]
    found = parts(spans, 0, 70)
    assert found == {"player": 20, "a": 20, "c": 20, "b": 10}
    assert sum(found.values()) == 70


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8), st.integers(0, 120))
def test_parts_always_add_up(pairs, end):
    spans = [Span(f"s{number}", start, start + length) for number, (start, length) in enumerate(pairs)]
    assert sum(parts(spans, 0, end).values()) == end


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Refused("segment: http://x: 503 gone", 503), "segment 503"),
        (UpstreamTimeout("grant: http://x: no answer"), "grant timeout"),
        (UpstreamFailed("licence: http://x: refused"), "licence unreachable"),
        (FormatError("decode: the first segment does not"), "decode unusable"),
    ],
)
def test_errors_have_kinds(error, kind):
    assert kind_of(error) == kind


def test_addresses_are_apart():
    addresses = [own_address(number) for number in range(100_000)]
    assert len(set(addresses)) == 100_000
    assert all(re.fullmatch(r"127\.\d+\.\d+\.\d+", each) for each in addresses)
    assert all(0 < int(each.split(".")[1]) < 255 and 0 < int(each.split(".")[3]) < 255 for each in addresses)


def test_a_grant_moves_to_the_listeners_own_edge():
    grant = {
        "base_url": "http://a:1/t/x/songs/s/",
        "license_url": None,
        "manifests": {"hls": "http://a:1/t/x/h.m3u8"},
    }
    moved = score.near(grant, "http://127.0.0.1:7/")
    assert moved["base_url"] == "http://127.0.0.1:7/t/x/songs/s/"
    assert moved["manifests"] == {"hls": "http://127.0.0.1:7/t/x/h.m3u8"}
    with pytest.raises(FormatError):
        score.near({"manifests": ["hls"]}, "http://127.0.0.1:7/")


def test_regions_as_people_write_them():
    first, second = Regions().convert(
        "eu-west:3:1@wifi:5,4g=http://127.0.0.1:1;us-east=http://127.0.0.1:2", None, None
    )
    assert (first.name, first.share, first.offset, first.url) == ("eu-west", 3.0, 1, "http://127.0.0.1:1")
    assert [(name, weight) for name, _, weight in first.networks] == [("wifi", 5.0), ("4g", 1.0)]
    assert (second.share, second.networks) == (1.0, ())


async def test_a_generator_that_is_late_is_not_believed():
    """By a clock that jumps half a second at each look, whatever this machine does."""
    ticks = iter(range(0, 10**15, 500_000_000))
    lag = Lag(lambda: next(ticks))
    lag._late_ns = [300_000_000] * 100
    assert lag.document()["believed"] is False
    lag._late_ns = [1_000_000] * 100
    assert lag.document()["believed"] is True
