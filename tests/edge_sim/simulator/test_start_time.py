"""How long starts take, by each of the ways into a song, and which bundles have their media in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest

from edge_sim.policies.lru import Lru
from edge_sim.simulator import songs, start_time
from edge_sim.simulator.bundles import PATIENCE_MS, bundled, remembered
from edge_sim.simulator.listeners import Region
from edge_sim.simulator.requests import Requests
from edge_sim.simulator.start_time import Network
from edge_sim.simulator.synthetic import Day, Sample, World, day, sample
from edge_sim.simulator.tier import Tier
from edge_sim.simulator.warming import Streams

WORLD = World(catalogue=60_000, streams=120_000, regions=(Region("east", 2, 6), Region("west", 1, -6)))
OBJECT = 9_000


@pytest.fixture(scope="module")
def chosen() -> Sample:
    return sample(WORLD, 1, 1)[0]


@pytest.fixture(scope="module")
def played(chosen) -> Day:
    return day(WORLD, chosen, seed=0)


class TestATime:
    """Two streams, cold and warm; round trips and bandwidths have a spread, so the formula is held where they do not matter."""

    COLD = numpy.array([True, False])
    FAST = Network(rtt=0, kbits=1e12, tiers=(1, 10, 100, 1000), api=5)
    TRIPS = Network(rtt=50, kbits=1e12, tiers=(0, 0, 0, 0), api=0)

    @pytest.fixture
    def drawn(self) -> Day:
        """Presentation, initialisation and first segment of both."""
        requests = Requests(
            numpy.array([0, 1, 2, 10, 11, 12]),
            numpy.array([0, 1, 2] * 2, dtype=numpy.uint64),
            numpy.array([4000, 800, 8000] * 2),
            numpy.zeros(6, int),
            numpy.array([0, 0, 0, 1, 1, 1]),
        )
        nothing = numpy.zeros(2, int)
        return Day(requests, Streams(nothing, nothing, numpy.array([0, 10]), nothing, nothing, self.COLD))

    def timed(self, network, drawn, way, answered, bundles=None):
        return start_time.starts(
            network, way, drawn.requests, numpy.array(answered), self.COLD, bundles, seed=4
        )

    def trips(self, *counts) -> list[float]:
        rtt = 50 * numpy.exp(0.5 * numpy.random.default_rng(4).standard_normal(2))
        return [rtt[0] * counts[0] + 3, rtt[1] * counts[1]]

    def test_the_grant_and_then_the_slowest_of_three(self, drawn):
        times = self.timed(self.FAST, drawn, "presentation", [2, 0, 1, 0, 0, 3])
        # the handshake's CPU for the one that connects
        assert times == pytest.approx([5 + 100 + 3, 5 + 1000], abs=1e-3)

    def test_a_walk_waits_for_each(self, drawn):
        times = self.timed(self.FAST, drawn, "walk", [0, 2, 1, 0, 0, 3])
        assert times == pytest.approx([5 + 1 + 1 + 100 + 10 + 3, 5 + 1 + 1 + 1 + 1000], abs=1e-3)

    @pytest.mark.parametrize(("way", "steps"), [("presentation", 2), ("walk", 5)])
    def test_round_trips(self, drawn, way, steps):
        times = self.timed(self.TRIPS, drawn, way, [0] * 6)
        assert times == pytest.approx(self.trips(steps + 2, steps), rel=1e-6)  # TCP and TLS take two

    def test_a_whole_bundle_is_one_round_trip_and_nothing_of_an_edge_s(self, drawn):
        requests, bundles = bundled(drawn, numpy.array([True, True]), 1.0, 1000)
        assert (requests.keys.tolist(), requests.streams.tolist()) == ([0, 0], [-1, -1])  # presentations
        assert bundles.bytes.tolist() == [1300 + 8800] * 2
        drawn = replace(drawn, requests=requests)
        assert self.timed(self.TRIPS, drawn, "bundle", [3, 3], bundles) == pytest.approx(self.trips(3, 1))
        assert self.timed(self.FAST, drawn, "bundle", [3, 3], bundles) == pytest.approx([8, 5], abs=1e-3)

    def test_words_alone_are_a_round_trip_and_the_wait_for_the_store_more(self, drawn):
        requests, bundles = bundled(drawn, numpy.array([True, False]), 0.5, 1000)
        assert requests.streams.tolist() == [-1, 1, 1, 1]
        assert bundles.bytes.tolist() == [1300 + 8800, 1300]
        drawn = replace(drawn, requests=requests)
        times = self.timed(self.FAST, drawn, "bundle", [0, 0, 1, 2], bundles)
        assert times == pytest.approx([8, 5 + PATIENCE_MS + 100], abs=1e-3)
        assert self.timed(self.TRIPS, drawn, "bundle", [0] * 4, bundles) == pytest.approx(
            [*self.trips(3, 0)[:1], self.trips(0, 2)[1] + PATIENCE_MS]
        )

    def test_a_store_that_is_quick_is_waited_for(self, drawn):
        requests, bundles = bundled(drawn, numpy.array([True, False]), 0.5, 4.0)
        assert requests.streams.tolist() == [-1, -1]
        times = self.timed(self.FAST, replace(drawn, requests=requests), "bundle", [0, 0], bundles)
        assert times == pytest.approx([8, 5 + 4], abs=1e-3)
        assert bundles.sent(4).tolist() == [4, 2, 4, 4 * 10_100, 2 * 8800]


class TestWhatTheApiRemembers:
    """By the formula, and by an LRU that is asked for the same."""

    @pytest.mark.parametrize("objects", [50, 500, 1500])
    def test_as_an_lru_does(self, chosen, played, objects):
        kept, share = remembered(WORLD, played, chosen, objects * OBJECT, seed=1)
        streams = played.streams
        for region in (0, 1):
            inside = numpy.flatnonzero(streams.region == region)
            inside = inside[numpy.argsort(streams.time[inside], kind="stable")]
            names = streams.song[inside] * 2 + numpy.minimum(streams.rendition[inside], songs.START)
            lru = Tier(objects * OBJECT, Lru(), largest=OBJECT)
            hits = lru.feed(names.tolist(), [OBJECT] * len(names))
            settled = slice(len(names) // 4, None)
            assert kept[inside][settled].mean() == pytest.approx(hits[settled].mean(), abs=0.02)
        assert kept.mean() == pytest.approx(share, abs=0.01)

    def test_where_there_is_room_for_all_all_is_there(self, chosen, played):
        everything, share = remembered(WORLD, played, chosen, 10**12, seed=1)
        assert everything.all()
        assert share == pytest.approx(1)
        nothing, share = remembered(WORLD, played, chosen, 0, seed=1)
        assert not nothing.any()
        assert share == pytest.approx(0, abs=1e-5)


def test_quantiles_from_the_histogram():
    times = numpy.random.default_rng(1).lognormal(5, 0.4, 50_000)
    counts = start_time.histogram(times)
    assert counts.sum() == 50_000
    for share in (0.5, 0.95, 0.99):
        assert start_time.quantile(counts, share) == pytest.approx(numpy.quantile(times, share), rel=0.01)
    assert start_time.quantile(counts * 0, 0.5) == 0
