"""A tier keeps what the edge's memory keeps, request by request, under every policy."""

from __future__ import annotations

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.objects import Missing
from edge_sim.policies import NAMES, policy
from edge_sim.simulator.requests import Requests
from edge_sim.simulator.tier import Tier
from edge_sim.simulator.topology import DISK, MEMORY, ORIGIN, SHIELD, Sizes, Topology


@pytest.mark.parametrize("name", NAMES)
@given(keys=st.lists(st.integers(0, 12), max_size=120), budget=st.integers(20, 200))
def test_as_the_memory_of_the_edge(name, keys, budget):
    sizes = [1 + key * 5 for key in keys]
    tier = Tier(budget, policy(name, budget), largest=budget, overhead=3)
    memory = MemoryCache(budget, policy(name, budget))
    hits = []
    for key, size in zip(keys, sizes, strict=True):
        hits.append(memory.get(key) is not None)
        if not hits[-1]:
            memory.put(key, Missing(0, size + 3))
    assert tier.feed(keys, sizes).tolist() == hits
    assert (tier.used, len(tier)) == (memory.used, len(memory))


def test_feeding_in_pieces_is_feeding_at_once():
    keys = [number * number % 37 for number in range(400)]
    whole, pieces = (Tier(10, policy("s3fifo", 10), largest=10) for _ in range(2))
    expected = whole.feed(keys, [1] * 400).tolist()
    assert [
        hit for at in range(0, 400, 7) for hit in pieces.feed(keys[at : at + 7], [1] * len(keys[at : at + 7]))
    ] == expected


def test_what_is_too_large_is_not_kept():
    tier = Tier(100, policy("lru", 100), largest=25)
    assert tier.feed([1, 1, 2, 2], [25, 25, 26, 26]).tolist() == [False, True, False, False]


def conversation(*asked: tuple[int, int], memory: int = 0, disk: int = 0, shield: int = 0) -> list[int]:
    """Who answers requests for (region, key), all of 10,000 bytes."""
    regions = numpy.array([region for region, _ in asked])
    requests = Requests(
        numpy.arange(len(asked)),
        numpy.array([key for _, key in asked], numpy.uint64),
        numpy.full(len(asked), 10_000),
        regions,
        numpy.full(len(asked), -1),
    )
    return Topology(2, Sizes(memory, disk, shield), "lru").feed(requests).tolist()


def test_regions_share_the_shield_only():
    asked = ((0, 7), (0, 7), (1, 7), (1, 7))
    assert conversation(*asked, memory=50_000, shield=50_000) == [ORIGIN, MEMORY, SHIELD, MEMORY]
    assert conversation(*asked, memory=50_000) == [ORIGIN, MEMORY, ORIGIN, MEMORY]


def test_what_memory_lost_is_on_disk_and_comes_back_into_memory():
    # Room for four in memory: 1 is pushed out by the fifth, found on disk, and in memory once more.
    asked = [(0, key) for key in (1, 2, 3, 4, 5, 1, 1)]
    assert conversation(*asked, memory=45_000, disk=400_000) == [ORIGIN] * 5 + [DISK, MEMORY]


def test_without_any_tier_the_origin_answers():
    assert conversation((0, 1), (0, 1)) == [ORIGIN, ORIGIN]
