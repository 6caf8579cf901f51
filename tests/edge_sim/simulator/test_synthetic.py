"""The made-up day has the shape that it promises, and only the seed decides."""

from __future__ import annotations

import numpy
import pytest

from edge_sim.simulator import listeners, songs
from edge_sim.simulator.hashing import mix, slices
from edge_sim.simulator.listeners import DAY_MS, Region
from edge_sim.simulator.popularity import Popularity
from edge_sim.simulator.synthetic import BUFFER_MS, World, _moments, day, sample
from packager.plan import common_grid, plan_segments

WORLD = World(catalogue=200_000, streams=10_000, regions=(Region("east", 3, 6), Region("west", 1, -6)))


@pytest.mark.parametrize("catalogue", [1_000, 50_000, 1_000_000])
def test_one_per_cent_draws_ninety_and_ten_draw_ninety_nine(catalogue):
    shares = Popularity(catalogue).shares(numpy.arange(catalogue))
    assert shares.sum() == pytest.approx(1, abs=1e-4)
    assert shares[: catalogue // 100].sum() == pytest.approx(0.90, abs=1e-4)
    assert shares[: catalogue // 10].sum() == pytest.approx(0.99, abs=1e-4)
    assert (numpy.diff(shares) < 0).all()


def test_a_share_is_the_same_whoever_asks_with_it():
    popularity = Popularity(10**8)
    ranks = numpy.array([0, 999_999, 10**6, 10**8 - 1])
    assert popularity.shares(ranks).tolist() == [popularity.shares(ranks[at : at + 1])[0] for at in range(4)]


@pytest.mark.parametrize("catalogue", [1, 2, 60])
def test_few_songs_share_everything(catalogue):
    assert Popularity(catalogue).shares(numpy.arange(catalogue)).sum() == pytest.approx(1)


def test_samples_share_no_song_and_together_are_all():
    samples = sample(World(10_007, 1000), 8, 8)
    ranks = numpy.concatenate([each.ranks for each in samples])
    assert sorted(ranks.tolist()) == list(range(10_007))
    assert sum(each.rates.sum() for each in samples) == pytest.approx(1000, rel=1e-3)


def test_listeners_are_where_the_regions_say_and_songs_have_homes():
    (whole,) = sample(WORLD, 1, 1)
    by_region = whole.rates.sum(axis=0) / whole.rates.sum()
    assert by_region == pytest.approx([0.75, 0.25], abs=0.02)
    part = whole.rates[:, 0] / whole.rates.sum(axis=1)
    assert set(numpy.round(part, 3).tolist()) == {0.875, 0.375}  # half at home, the rest by the shares


def test_the_same_seed_gives_the_same_day_and_another_another():
    (whole,) = sample(WORLD, 1, 1)
    first, again, other = (day(WORLD, whole, seed=seed).requests for seed in (1, 1, 2))
    assert first.times.tobytes() == again.times.tobytes()
    assert first.keys.tobytes() == again.keys.tobytes()
    assert len(first) != len(other) or first.keys.tobytes() != other.keys.tobytes()


@pytest.mark.parametrize("offset", [-8, 0, 5])
def test_commuters_listen_three_times_as_much(offset):
    level = listeners.intensity(offset)
    at = {hour: level[(hour - offset) % 24 * 60] for hour in (4, 8, 13, 18)}
    assert level.sum() == pytest.approx(1)
    assert at[8] / at[13] == pytest.approx(3, rel=0.1)
    assert at[18] / at[13] == pytest.approx(3, rel=0.1)
    assert at[4] < at[13] / 3


def test_a_quarter_is_skipped_at_once_and_half_is_heard_to_the_end():
    seconds = numpy.full(100_000, 200)
    heard = listeners.listened(numpy.random.default_rng(1), seconds)
    assert (heard < 10_000).mean() == pytest.approx(0.25, abs=0.01)
    assert (heard == 200_000).mean() == pytest.approx(0.51, abs=0.01)
    assert heard.max() == 200_000


def test_segments_are_those_of_the_packager():
    plans = songs.plans()
    for seconds in (30, 205, 900):
        pieces = plan_segments(
            seconds * 44_100, grid=common_grid([(1024, 1024)]), first=29_000, target=176_400
        )
        mine = slice(plans.first[seconds], plans.first[seconds + 1])
        assert plans.starts[mine].tolist() == [piece.start * 1000 // 44_100 for piece in pieces]
        assert plans.durations[mine].tolist() == [piece.duration * 1000 // 44_100 for piece in pieces]
        counted = plans.count(numpy.array([seconds] * 2), numpy.array([1, seconds * 1000]))
        assert counted.tolist() == [1, len(pieces)]


@pytest.fixture(scope="module")
def drawn():
    (whole,) = sample(WORLD, 1, 1)
    return day(WORLD, whole, seed=1)


class TestADay:
    def test_requests_are_in_the_order_of_time(self, drawn):
        assert (numpy.diff(drawn.requests.times) >= 0).all()

    def test_every_stream_begins_with_presentation_initialisation_and_segment(self, drawn):
        requests = drawn.requests
        waiting = requests.take(requests.streams >= 0)
        order = numpy.argsort(waiting.streams, kind="stable")
        numbers = (waiting.keys[order] & numpy.uint64(2047)).reshape(-1, 3)
        assert (numbers == [songs.PRESENTATION, songs.INIT, songs.SEGMENTS]).all()
        assert len(numbers) == len(drawn.streams.time)
        assert (waiting.times[order].reshape(-1, 3) - drawn.streams.time[:, None] == [0, 1, 2]).all()

    def test_segments_are_loaded_ahead_and_no_further(self, drawn):
        per_stream = len(drawn.requests) / len(drawn.streams.time)
        assert 25 < per_stream < 50
        assert drawn.requests.times.max() < DAY_MS + songs.plans().starts.max() - BUFFER_MS + 3

    def test_a_tenth_of_the_streams_opens_a_connection(self, drawn):
        assert drawn.streams.cold.mean() == pytest.approx(0.1, abs=0.01)

    def test_an_object_has_one_size(self, drawn):
        pairs = set(zip(drawn.requests.keys.tolist(), drawn.requests.sizes.tolist(), strict=True))
        assert len(pairs) == len({key for key, _ in pairs})

    def test_four_seconds_of_320_kbit_are_160_kilobytes(self):
        name = songs.keys(numpy.array([7]), numpy.array([3]), numpy.array([9]))
        assert songs.song(name).tolist() == [7]
        assert songs.sizes(name, numpy.array([4000]))[0] == pytest.approx(160_000, rel=0.06)


def test_new_songs_are_played_from_when_they_are_out_and_others_all_day():
    world = World(catalogue=100_000, streams=1)
    ranks = numpy.arange(world.catalogue)
    new = ranks[mix(ranks.astype(numpy.uint64) ^ numpy.uint64(0x2E1E)) % numpy.uint64(1000) == 0]
    assert 50 < len(new) < 200
    asked = numpy.repeat(numpy.append(new, 1), 2000)
    times = _moments(world, numpy.random.default_rng(1), asked, numpy.zeros(len(asked), int)).reshape(
        -1, 2000
    )
    first = times[:-1].min(axis=1)
    assert set(first // 3_600_000) == set(range(24))  # each at a full hour of the day
    assert (first % 3_600_000 < 60_000).all()
    half = (DAY_MS - first) // 2
    assert ((times[:-1] - first[:, None] < half[:, None]).mean(axis=1) > 0.6).all()  # most at first
    assert times[-1].min() < 3_600_000
    assert times.max() < DAY_MS


def test_slices_are_even_and_stay_what_they_are():
    numbers = slices(numpy.arange(100_000, dtype=numpy.uint64), 10, 1)
    counts = numpy.bincount(numbers.astype(int))
    assert len(counts) == 10
    assert counts.min() > 9_500
    assert (
        slices(numpy.array([1, 2, 3], numpy.uint64), 1000, 1).tolist()
        == slices(numpy.array([1, 2, 3], numpy.uint64), 1000, 1).tolist()
    )
    assert (slices(numpy.arange(1000, dtype=numpy.uint64), 10, 2) != numbers[:1000]).any()
