"""The calibration: the same requests to a real edge over HTTP and to the simulator, and the same hits, every one."""

from __future__ import annotations

import logging

import numpy
import pytest

from edge_sim.policies import NAMES
from edge_sim.simulator import formats
from edge_sim.simulator.requests import joined
from edge_sim.simulator.topology import MEMORY, Sizes, Topology, tier
from media.serving import JsonLines, access_log

SONG = "songs/a-song/0123456789abcdef/"
MEMORY_BYTES = 100_000
REQUESTS = 500


@pytest.fixture
def memory() -> int:
    return MEMORY_BYTES


@pytest.fixture
def asked() -> list[int]:
    """Objects by number, the popular ones most; a scan over cold ones at the end."""
    random = numpy.random.default_rng(3)
    weights = 1 / numpy.arange(1, 61)
    return [*random.choice(60, REQUESTS, p=weights / weights.sum()).tolist(), *range(60, 75), *range(6)]


def size(number: int) -> int:
    """Bytes: the largest are just below what the edge keeps."""
    return 500 + number * 977 % 14_000


@pytest.fixture
def log(tmp_path):
    """The edge's own access log, as a file."""
    path = tmp_path / "access.jsonl"
    handler = logging.FileHandler(path)
    handler.setFormatter(JsonLines())
    level = access_log.level
    access_log.addHandler(handler)
    access_log.setLevel(logging.INFO)
    yield path
    access_log.removeHandler(handler)
    access_log.setLevel(level)
    handler.close()


@pytest.mark.parametrize("policy", NAMES)
async def test_the_same_hits(talk, origin, policy, asked):
    for number in set(asked):
        origin.says(f"{number}.m4s", bytes(size(number)))
    live = [(await talk.get(f"{number}.m4s")).cache == "tonearm-edge; hit" for number in asked]
    # By the same names, because W-TinyLFU's sketch hashes them.
    hits = tier(MEMORY_BYTES, policy).feed(
        [f"{SONG}{number}.m4s" for number in asked], [size(number) for number in asked]
    )
    assert hits.tolist() == live
    assert 0 < sum(live) < len(live)


class TestTheEdgesOwnLog:
    @pytest.fixture
    def fast_path(self) -> bool:
        """Its lines are of the millisecond, and written later: within one, nobody knows the order any more."""
        return False

    async def test_replayed_gives_the_hits_that_it_tells(self, talk, origin, policy, asked, log):
        for number in set(asked):
            origin.says(f"{number}.m4s", bytes(size(number)))
        live = [(await talk.get(f"{number}.m4s")).cache == "tonearm-edge; hit" for number in asked]
        await talk.get("nothing.m4s")
        requests = joined(list(formats.read(log)))
        assert requests.sizes.tolist() == [size(number) for number in asked]
        answered = Topology(1, Sizes(MEMORY_BYTES, 0, 0), policy).feed(requests)
        assert (answered == MEMORY).tolist() == live
