"""The calibration: the same requests to a real edge over HTTP and to the simulator, and the same hits, every one."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from functools import partial

import numpy
import pytest

from edge_sim.edge.app import routes
from edge_sim.edge.upstreams.ask import Topology
from edge_sim.policies import NAMES
from edge_sim.simulator import formats, topology
from edge_sim.simulator.requests import joined
from edge_sim.simulator.run import simulate_trace
from edge_sim.simulator.settings import Settings
from edge_sim.simulator.topology import MEMORY, Sizes, tier
from media.serving import JsonLines, access_log, application, listening
from tests.edge_sim.conftest import Talk

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
        answered = topology.Topology(1, Sizes(MEMORY_BYTES, 0, 0), policy).feed(requests)
        assert (answered == MEMORY).tolist() == live


class TestEdgesOfRegions:
    """Two real edges with --region and one log: what each region had, and how starts went."""

    @pytest.fixture
    async def edges(self, origin, clock, token_keys, session, fast_path):
        async with AsyncExitStack() as stack:
            talks = {}
            for region in ("eu-west", "us-east"):
                table = routes(
                    origin_url=Topology([origin.url], region=region, checks=False),
                    keys=token_keys,
                    memory=MEMORY_BYTES,
                    policy="s3fifo",
                    clock=clock,
                    api_url=origin.url,
                    fast_path=fast_path,
                )
                port = await stack.enter_async_context(listening(application("edge", table), "127.0.0.1", 0))
                talks[region] = Talk(f"http://127.0.0.1:{port}", session, token_keys)
            yield talks

    @pytest.mark.parametrize("fast_path", [True, False])
    async def test_each_region_replays_as_it_was(self, edges, origin, log, fast_path):
        first = "audio/normal/00001.m4s"
        origin.says(first, bytes(9_000))
        origin.says("audio/normal/00002.m4s", bytes(20_000))
        for song, size in (("whole", 10_000), ("words", 1_200)):
            origin.says(f"/v1/songs/{song}/start", bytes(size), cache_control="no-store")
        for region, times in (("eu-west", 3), ("us-east", 1)):
            talk = edges[region]
            for _ in range(times):
                await talk.get(first)
            await talk.get("audio/normal/00002.m4s")
            for song in ("whole", "words"):
                assert (await talk.ask(f"/v1/songs/{song}/start?rtt=50")).status == 200
            await talk.ask("/v1/songs")
        # What answered quickly is written a little later; the long way writes it first.
        for talk in edges.values():
            await talk.ask("/healthz")
        source = partial(formats.read, log)
        settings = Settings(Sizes(MEMORY_BYTES, 0, 0), sample=1, replicas=1, curves=("s3fifo",))
        document = simulate_trace(source, settings, jobs=1).document
        hits = {
            name: (region["requests"], round(region["requests"] * region["edge"]["hit_ratio"]["value"]))
            for name, region in document["regions"].items()
        }
        assert hits == {"eu-west": (4, 2), "us-east": (2, 0)}
        assert document["start"]["trace"] == {"bundles": 2, "first_segments": 4}
        assert document["start_ms"]["p50"]["value"] > 0

    async def test_regions_are_kept_in_what_is_written_of_them(self, edges, origin, log, tmp_path):
        origin.says("x.m4s", bytes(700))
        for talk in edges.values():
            await talk.get("x.m4s")
        whole = joined(list(formats.read(log)))
        assert whole.names == ("eu-west", "us-east")
        for ending in (".csv", ".jsonl"):
            formats.write(tmp_path / f"t{ending}", [whole])
            again = joined(list(formats.read(tmp_path / f"t{ending}")))
            assert (again.names, again.regions.tolist()) == (whole.names, [0, 1])
