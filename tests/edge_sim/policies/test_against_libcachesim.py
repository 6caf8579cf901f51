"""Each policy has exactly the miss counts of libCacheSim 0.3.5 (J. Yang et al.), another program in another language.

Where the two differ is said here too: its W-TinyLFU refuses what is larger than its window of 1 %, counts bytes as objects in
its sketch, and may evict on a hit when sizes differ or do not divide its segments. There we compare miss ratios only.
"""

from __future__ import annotations

import numpy
import pytest

from edge_sim.policies import NAMES, Policy, policy
from edge_sim.policies.tinylfu import TinyLfu
from edge_sim.simulator.tier import Tier

libcachesim = pytest.importorskip("libcachesim", reason="libcachesim is not installed: make dev")

THEIRS = {"s3fifo": "S3FIFO", "sieve": "Sieve", "lru": "LRU", "tinylfu": "WTinyLFU", "gdsf": "GDSF"}
REQUESTS, OBJECTS = 20_000, 3_000
EXACT = [name for name in NAMES if name != "tinylfu"]


@pytest.fixture(scope="module", params=[0.8, 1.1], ids=lambda alpha: f"zipf {alpha}")
def keys(request) -> list[int]:
    """Popular keys and rare ones, and a scan over cold ones in the middle."""
    random = numpy.random.default_rng(7)
    weights = numpy.arange(1, OBJECTS + 1, dtype=float) ** -request.param
    drawn = random.choice(OBJECTS, REQUESTS, p=weights / weights.sum())
    return [*drawn[:10_000].tolist(), *range(OBJECTS, OBJECTS + 2_000), *drawn[10_000:].tolist()]


def their_misses(name: str, budget: int, keys: list[int], sizes: list[int]) -> int:
    cache = getattr(libcachesim, THEIRS[name])(budget, hashpower=16)
    asked = libcachesim.Request()
    misses = 0
    for now, (key, size) in enumerate(zip(keys, sizes, strict=True)):
        asked.obj_id, asked.obj_size, asked.clock_time = key, size, now
        misses += not cache.get(asked)
    return misses


def our_misses(chosen: Policy[int], budget: int, keys: list[int], sizes: list[int]) -> int:
    return len(keys) - int(Tier(budget, chosen, largest=budget).feed(keys, sizes).sum())


@pytest.mark.parametrize("budget", [50, 500, 2000])
@pytest.mark.parametrize("name", EXACT)
def test_unit_sizes(name, budget, keys):
    sizes = [1] * len(keys)
    assert our_misses(policy(name, budget), budget, keys, sizes) == their_misses(name, budget, keys, sizes)


@pytest.mark.parametrize("budget", [120_000, 500_000, 1_500_000])
@pytest.mark.parametrize("name", EXACT)
def test_byte_sizes(name, budget, keys):
    sizes = [100 + key * 7919 % 900 for key in keys]
    assert our_misses(policy(name, budget), budget, keys, sizes) == their_misses(name, budget, keys, sizes)


@pytest.mark.parametrize("budget", [500, 1000, 2000])
def test_tinylfu_with_unit_sizes(budget, keys):
    sizes = [1] * len(keys)
    ours = our_misses(TinyLfu(budget, typical=1), budget, keys, sizes)
    assert ours == their_misses("tinylfu", budget, keys, sizes)


@pytest.mark.parametrize("budget", [500 * 512, 2000 * 512])
def test_tinylfu_with_objects_of_512_bytes(budget, keys):
    sizes = [512] * len(keys)
    ours = our_misses(TinyLfu(budget, typical=1), budget, keys, sizes)
    assert ours == their_misses("tinylfu", budget, keys, sizes)


@pytest.mark.parametrize("budget", [200_000, 1_000_000])
def test_tinylfu_with_mixed_sizes_is_near(budget, keys):
    sizes = [100 + key * 7919 % 900 for key in keys]
    ours = our_misses(TinyLfu(budget, typical=550), budget, keys, sizes) / len(keys)
    assert ours == pytest.approx(their_misses("tinylfu", budget, keys, sizes) / len(keys), abs=0.02)
