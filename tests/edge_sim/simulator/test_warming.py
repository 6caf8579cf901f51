"""What edges fetch ahead: which requests that makes, and that they count as nobody's."""

from __future__ import annotations

import json

import numpy
import pytest
from click.testing import CliRunner

from edge_sim.policies import policy
from edge_sim.simulator import songs
from edge_sim.simulator.commands import simulate
from edge_sim.simulator.report.page import page
from edge_sim.simulator.requests import WARMING
from edge_sim.simulator.synthetic import World, day, released, sample, with_warming
from edge_sim.simulator.tier import Tier
from edge_sim.simulator.topology import MEMORY, Sizes, Topology
from edge_sim.simulator.warming import Warming

WORLD = World(200_000, 400_000)


@pytest.fixture(scope="module")
def chosen():
    return sample(WORLD, 100, 1)[0]


@pytest.fixture(scope="module")
def drawn(chosen):
    return day(WORLD, chosen, seed=0)


def added(drawn, chosen, **parts):
    requests = with_warming(WORLD, chosen, drawn, Warming(**parts))
    ahead = requests.take(requests.streams == WARMING)
    theirs = requests.take(requests.streams != WARMING)
    assert theirs.keys.tolist() == drawn.requests.keys.tolist()  # nobody's own request is lost or moved
    assert (numpy.diff(requests.times) >= 0).all()
    return ahead


def test_switched_off_it_changes_nothing(drawn, chosen):
    assert not Warming()
    assert len(added(drawn, chosen)) == 0


def test_the_next_song_s_start_is_there_ten_seconds_before(drawn, chosen):
    ahead = added(drawn, chosen, next_song=True)
    assert len(ahead) == 3 * int((~drawn.streams.cold).sum())
    starts = drawn.requests.take(drawn.requests.streams >= 0)
    warm = starts.take(~drawn.streams.cold[starts.streams])
    assert set(ahead.keys.tolist()) == set(warm.keys.tolist())
    early = numpy.sort(drawn.streams.time[~drawn.streams.cold]) - 10_000
    assert sorted(ahead.times.tolist()) == sorted(numpy.repeat(numpy.maximum(early, 0), 3).tolist())


def test_segments_are_those_that_the_player_does_not_ask_for_yet(drawn, chosen):
    ahead = added(drawn, chosen, segments=2)
    first = drawn.requests.times[0]
    at_once = drawn.requests.take(
        (drawn.requests.streams != WARMING) & (drawn.requests.times <= first + songs.SEGMENTS)
    )
    behind = ahead.take(ahead.times == first + songs.SEGMENTS + 1)
    numbers = [int(key) & 0x7FF for key in behind.keys]
    assert numbers == [
        number + 1 + max(int(key) & 0x7FF for key in at_once.keys) for number in range(len(numbers))
    ]
    assert 0 < len(ahead) <= 2 * len(drawn.streams.time)


def test_a_song_that_rises_is_fetched_whole_once_in_each_region(drawn, chosen):
    ahead = added(drawn, chosen, velocity=3)
    presentations = ahead.take((ahead.keys & numpy.uint64(0x7FF)) == songs.PRESENTATION)
    places = list(zip(presentations.keys.tolist(), presentations.regions.tolist(), strict=True))
    assert len(places) == len(set(places)) > 0
    assert len(added(drawn, chosen, velocity=1)) > len(ahead) > len(added(drawn, chosen, velocity=30))
    (key, region), at = places[0], presentations.times[0]
    song = int(songs.song(numpy.array([key], numpy.uint64))[0])
    theirs = (drawn.streams.song == song) & (drawn.streams.region == region) & (drawn.streams.time <= at)
    assert int(theirs.sum()) >= 3
    whole = ahead.take((songs.song(ahead.keys) == song) & (ahead.regions == region))
    (seconds,) = songs.lengths(numpy.array([song]))
    assert len(whole) == songs.SEGMENTS + int(songs.plans().segments(seconds))


def test_new_songs_are_in_every_region_before_they_come_out(drawn, chosen):
    ahead = added(drawn, chosen, releases=True)
    new, out = released(chosen.ranks)
    assert set(songs.song(ahead.keys).tolist()) == set(chosen.ranks[new].tolist()) != set()
    when = dict(zip(chosen.ranks.tolist(), out.tolist(), strict=True))
    for song, time in zip(songs.song(ahead.keys).tolist(), ahead.times.tolist(), strict=True):
        assert time == max(0, when[song] - 300_000)
    assert set(ahead.regions.tolist()) == set(range(len(WORLD.regions)))


def test_what_was_fetched_ahead_is_a_hit_and_finding_it_is_no_use():
    lru = Tier(100, policy("lru", 100), largest=100)
    assert lru.feed([1, 2], [40, 40], [False, True]).tolist() == [False, False]
    assert lru.feed([1], [40], [False]).tolist() == [True]
    lru.feed([3], [40])  # 1 is the oldest: to have been looked for did not make it younger
    assert lru.feed([2, 1], [40, 40]).tolist() == [True, False]


def test_warming_the_next_song_makes_starts_hits(drawn, chosen):
    requests = with_warming(WORLD, chosen, drawn, Warming(next_song=True))
    sizes = Sizes(10**9, 0, 0)
    before = Topology(len(WORLD.regions), sizes, "lru").feed(drawn.requests)
    after = Topology(len(WORLD.regions), sizes, "lru").feed(requests)[requests.streams != WARMING]
    waiting = drawn.requests.streams >= 0
    assert (after[waiting] == MEMORY).mean() > (before[waiting] == MEMORY).mean() + 0.05


def test_the_command_says_what_it_brings():
    arguments = [
        "--catalogue",
        "200000",
        "--streams-per-day",
        "400000",
        "--sample",
        "1:20",
        "--replicas",
        "2",
        "--jobs",
        "1",
    ]
    arguments += ["--memory", "2GB", "--disk", "0", "--shield", "0", "--no-curves", "--json"]
    plain = json.loads(CliRunner().invoke(simulate, arguments).output)
    warmed = json.loads(
        CliRunner().invoke(simulate, [*arguments, "--prefetch-next-song", "--push-releases"]).output
    )
    without = warmed["warming"]["without"]
    assert without["edge"] == plain["all"]["edge"]
    assert without["origin"] == plain["origin"]
    assert without["start_ms"]["p99"] == plain["start_ms"]["p99"]
    assert warmed["all"]["requests"] == pytest.approx(
        plain["all"]["requests"], rel=0.001
    )  # what edges ask is no listener's
    assert warmed["all"]["edge"]["hit_ratio"]["value"] > plain["all"]["edge"]["hit_ratio"]["value"]
    assert warmed["start_ms"]["p95"]["value"] < plain["start_ms"]["p95"]["value"]
    assert "What fetching ahead brings" in page(warmed)
    assert "What fetching ahead brings" not in page(plain)


def test_a_trace_has_none(tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text("time_ms,key,size\n1,1,1\n")
    result = CliRunner().invoke(simulate, ["--trace", str(trace), "--push-releases"])
    assert result.exit_code == 2
    assert "no songs and no streams" in result.output
