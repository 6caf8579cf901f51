"""A sample stands for the whole, within the error that it states; and the numbers add up."""

from __future__ import annotations

import json

import numpy
import pytest

from edge_sim.simulator.listeners import Region
from edge_sim.simulator.outcome import Outcome
from edge_sim.simulator.replica import of_trace
from edge_sim.simulator.requests import Requests
from edge_sim.simulator.run import requests_of, simulate_trace, simulate_world
from edge_sim.simulator.settings import Prices, Settings
from edge_sim.simulator.synthetic import World
from edge_sim.simulator.tally import BINS, Tally
from edge_sim.simulator.topology import MEMORY, ORIGIN, Sizes

WORLD = World(catalogue=300_000, streams=12_000, regions=(Region("east", 2, 6), Region("west", 1, -6)))
SIZES = Sizes(8 * 10**9, 60 * 10**9, 200 * 10**9)


@pytest.fixture(scope="module")
def whole() -> Outcome:
    return simulate_world(WORLD, Settings(SIZES, sample=1, replicas=1, curves=("s3fifo",)), jobs=1)


@pytest.fixture(scope="module")
def sampled() -> Outcome:
    return simulate_world(WORLD, Settings(SIZES, sample=5, replicas=4, curves=("s3fifo", "lru")), jobs=1)


@pytest.mark.soak
def test_a_fifth_says_what_the_whole_says(whole, sampled):
    for value in (lambda each: each["edge"]["hit_ratio"], lambda each: each["tiers"]["memory"]["hit_ratio"]):
        truth, estimate = value(whole.document["all"]), value(sampled.document["all"])
        assert truth["error"] is None
        assert 0 < estimate["error"] < 0.05
        assert estimate["value"] == pytest.approx(truth["value"], abs=4 * estimate["error"] + 0.01)


@pytest.mark.soak
def test_numbers_are_of_the_whole_service(whole, sampled):
    first, second = (each.document["sampling"] for each in (whole, sampled))
    assert first["simulated_requests"] == first["requests"] or first["requests"] == pytest.approx(
        first["simulated_requests"], rel=0.03
    )
    assert second["simulated_requests"] == pytest.approx(first["simulated_requests"] / 5, rel=0.5)
    assert second["requests"] == pytest.approx(first["requests"], rel=0.05)
    assert second["bytes"] == pytest.approx(first["bytes"], rel=0.05)


def test_shares_add_up(sampled):
    place = sampled.document["all"]
    shares = [place["tiers"][tier]["share"]["value"] for tier in ("memory", "disk", "shield")]
    assert sum(shares) + place["origin"]["share"]["value"] == pytest.approx(1, abs=1e-5)
    assert place["edge"]["hit_ratio"]["value"] == pytest.approx(sum(shares[:2]), abs=1e-5)
    missed = 1 - place["tiers"]["memory"]["hit_ratio"]["value"]
    assert shares[1] == pytest.approx(missed * place["tiers"]["disk"]["hit_ratio"]["value"], abs=1e-5)
    regions = sampled.document["regions"]
    assert sum(region["requests"] for region in regions.values()) == pytest.approx(place["requests"], abs=2)
    origin = sampled.document["origin"]
    assert origin["bytes"] == pytest.approx(place["bytes"] * place["origin"]["byte_share"]["value"], rel=1e-3)


@pytest.mark.soak
def test_a_curve_falls_and_meets_the_simulated_memory(whole):
    curve = whole.document["curves"]["s3fifo"]
    misses = [point["miss_ratio"] for point in curve]
    assert misses == sorted(misses, reverse=True)
    (own,) = [point for point in curve if point["bytes"] == SIZES.memory]
    region = whole.document["regions"]["east"]["tiers"]["memory"]["hit_ratio"]["value"]
    assert own["miss_ratio"] == pytest.approx(1 - region, abs=0.002)


def test_the_better_policy_has_the_lower_curve(sampled):
    curves = sampled.document["curves"]
    assert all(
        ours["miss_ratio"] < theirs["miss_ratio"]
        for ours, theirs in zip(curves["s3fifo"][:3], curves["lru"][:3], strict=True)  # then all fits
    )


def test_the_same_seed_gives_the_same_document(sampled):
    again = simulate_world(WORLD, Settings(SIZES, sample=5, replicas=4, curves=("s3fifo", "lru")), jobs=2)
    assert json.dumps(again.document) == json.dumps(sampled.document)


def test_full_caches_are_better_than_empty_ones(sampled):
    empty = simulate_world(WORLD, Settings(SIZES, sample=5, replicas=4, curves=(), primed=False), jobs=1)
    ratio = [each.document["all"]["edge"]["hit_ratio"]["value"] for each in (empty, sampled)]
    assert ratio[0] < ratio[1] - 0.1


@pytest.mark.soak
def test_costs_are_amounts_times_prices(whole):
    cost = whole.document["cost"]["dollars_per_day"]
    sent = whole.document["all"]["bytes"] / 1e9
    prices = Prices()
    assert cost["edge"] == pytest.approx(sent * prices.edge_gb, abs=0.02)
    assert cost["origin"] == pytest.approx(
        whole.document["origin"]["bytes"] / 1e9 * prices.origin_gb, abs=0.02
    )
    assert cost["memory"] == pytest.approx(2 * 8 * 2.0 / 30, abs=0.01)
    assert cost["total"] == pytest.approx(
        sum(value for name, value in cost.items() if name != "total"), abs=0.05
    )


@pytest.fixture(scope="module")
def requests() -> Requests:
    made = requests_of(WORLD, Settings(SIZES, sample=2, replicas=1))
    return Requests.of(made.times, made.keys, made.sizes)


class TestTraces:
    def test_a_sampled_trace_says_what_the_whole_says(self, requests):
        def source():
            for at in range(0, len(requests), 50_000):
                yield requests.take(numpy.arange(at, min(at + 50_000, len(requests))))

        sizes = Sizes(4 * 10**9, 0, 0)
        truth = simulate_trace(source, Settings(sizes, sample=1, replicas=1, curves=()), jobs=1).document
        estimate = simulate_trace(source, Settings(sizes, sample=4, replicas=4, curves=()), jobs=1).document
        assert truth["sampling"]["requests"] == truth["sampling"]["simulated_requests"] == len(requests)
        assert estimate["sampling"]["requests"] == pytest.approx(len(requests), rel=0.02)
        found, true = (each["all"]["tiers"]["memory"]["hit_ratio"] for each in (estimate, truth))
        assert found["value"] == pytest.approx(true["value"], abs=4 * found["error"] + 0.005)

    def test_counts_by_time_wherever_the_trace_begins(self):
        times = 10**12 + numpy.arange(4) * 30_000
        replica = of_trace(
            lambda: iter([Requests.of(times, [1, 1, 2, 1], [10] * 4)]),
            Settings(Sizes(10**6, 0, 0), sample=1, replicas=1, curves=()),
            0,
        )
        assert replica.width_ms == 1000
        assert [numpy.flatnonzero(replica.requests[0, tier]).tolist() for tier in (MEMORY, ORIGIN)] == [
            [30, 90],
            [0, 60],
        ]

    def test_bins_grow_with_the_trace(self):
        tally = Tally(1, width_ms=1000, wrap=False)
        tally.add(Requests.of([0, 1000, 95_999], [1, 2, 3], [5, 5, 5]), numpy.zeros(3, int), 0)
        assert tally.requests[0, 0, [0, 1, 95]].tolist() == [1, 1, 1]
        tally.add(Requests.of([96_000], [1], [7]), numpy.zeros(1, int), 0)
        assert (tally.width_ms, tally.requests[0, 0, 0], tally.bytes[0, 0, 48]) == (2000, 2, 7)
        assert tally.requests.shape == (1, 4, BINS)
