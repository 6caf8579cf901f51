"""Faults: each alone against the real stage, and what a schedule makes of what was written down."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from lxml import etree

import cli
from edge_sim.crowd.chaos import FAULTS
from edge_sim.crowd.chaos.run import verdict
from edge_sim.crowd.chaos.schedule import Happened, Schedule
from edge_sim.crowd.commands import FAULTS as OFFERED
from edge_sim.crowd.habits import Charts
from edge_sim.crowd.notes import Notes, Start
from edge_sim.crowd.report.page import page
from edge_sim.crowd.report.words import faults, recoveries
from edge_sim.crowd.run import run
from edge_sim.crowd.settings import Settings
from edge_sim.crowd.world import World
from tests.edge_sim.crowd.conftest import gather

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_all_faults_are_offered():
    assert tuple(FAULTS) == OFFERED
    for text in ("earthquake", "origin-down,", "origin-down+earthquake"):
        assert CliRunner().invoke(cli.root, ["crowd", "--chaos", text]).exit_code == 2
    both = ["crowd", "http://127.0.0.1:1/", "--chaos", "origin-down"]
    assert CliRunner().invoke(cli.root, both).exit_code == 2


@pytest.mark.soak
async def test_a_corrupted_song_is_heard_of_and_then_forgotten(served):
    fault = FAULTS["corrupt-segment"]()
    await fault.begin(served)
    try:
        outcome = await gather(served, clients={"hls": 1.0}, listeners=12)
    finally:
        await fault.end(served)
    assert set(outcome["errors"]) == {"decode unusable"}
    assert outcome["starts"]["all"]["count"] > 0  # the other song
    assert outcome["rebuffering"]["broken"] == 0
    assert (await gather(served, clients={"hls": 1.0}, listeners=12))["errors"] == {}


@pytest.mark.soak
async def test_a_lost_regions_listeners_go_to_the_other_one(served):
    fault = FAULTS["region-lost"]()
    await fault.begin(served)
    try:
        outcome = await gather(served, listeners=6, seconds=12, speed=2)
    finally:
        await fault.end(served)
    assert {kind.rpartition(" ")[2] for kind in outcome["errors"]} == {"unreachable"}
    assert set(outcome["starts"]["by_region"]) == {"eu-west"}
    assert (await gather(served))["errors"] == {}


def noted() -> Schedule:
    """Two faults in 90 s: the first is got over in 2 s, the second never."""
    world = World(Settings((), 1, 90), lambda: 0, Notes(90_000), Charts(["a"]), {})
    for at_ms, total_ms in ((10_000, 50), (20_000, 70), (35_000, 900), (50_000, 60)):
        start = Start(at_ms, "here", "hls", "new", "warm", total_ms * 1_000_000, {}, False)
        world.notes.starts.append(start)
    world.notes.troubles += [
        (33_000, "stall"),
        (42_000, "start failed"),
        (65_000, "stall"),
        (89_000, "stall"),
    ]
    schedule = Schedule.__new__(Schedule)
    schedule._world = world
    schedule.happened = [Happened("a", "A", 30_000, 40_000), Happened("b", "B", 60_000, 70_000)]
    return schedule


async def test_what_a_schedule_says():
    schedule = noted()
    first, second = schedule.document()
    assert first["before"] == {"starts": 2, "p50": 50.0, "p95": 70.0, "troubles": {}}
    assert first["while"] == {"starts": 1, "p50": 900.0, "p95": 900.0, "troubles": {"stall": 1}}
    assert first["after"] == {"starts": 1, "p50": 60.0, "p95": 60.0, "troubles": {"start failed": 1}}
    assert (first["well_again_ms"], first["recovered"]) == (2000, True)
    assert (second["well_again_ms"], second["recovered"]) == (19_000, False)
    held = {"believed": True, "met": True, "targets": {}}
    assert verdict(held, [first])["met"]
    assert not verdict(held, [first, second])["met"]
    assert not verdict(held | {"believed": False}, [first])["met"]
    document = {"faults": [first, second]}  # what the terminal and the page show of it
    assert [row[-1] for row in faults(document)][:3] == ["none", "1 × stall", "1 × start failed"]
    assert [well for _, well in recoveries(document)] == [True, False]


@pytest.mark.soak
async def test_what_is_cached_plays_on_without_origin_and_api_and_all_recovers(served):
    """Fifty seconds: origin and API die together, and come back."""
    await gather(served, seconds=6, listeners=20)  # what listeners ask for is in the edges' memory
    schedule = Schedule(served, ["origin-down+api-down"])
    settings = Settings(served.places, 20, 50, goal_ms=4000, decode=1.0)
    outcome = await run(settings, beside=schedule.run)
    (fault,) = schedule.document()
    assert fault["before"]["troubles"] == {}
    # Nobody starts anew without the API. Whoever listens, listens on: no song breaks off, none falls silent.
    kinds = {kind.partition(" ")[0] for kind in fault["while"]["troubles"]} - {"start"}
    assert kinds <= {"session", "bundle", "grant", "licence"}
    assert kinds
    assert outcome["rebuffering"]["broken"] == outcome["rebuffering"]["stalls"] == 0
    assert fault["recovered"]
    assert fault["after"]["starts"] > 0
    text = " ".join(etree.HTML(page(json.loads(json.dumps(outcome | {"faults": [fault]})))).itertext())
    assert "while origin-down+api-down" in text


@pytest.mark.soak
async def test_expired_keys_cost_a_new_grant(served):
    """And a song, for who asks in the second in which one server has read the new key and another has not."""
    schedule = Schedule(served, ["keys-expired"])
    worlds: list[World] = []

    async def beside(world: World) -> None:
        worlds.append(world)
        await schedule.run(world)

    outcome = await run(Settings(served.places, 20, 40, goal_ms=2500, decode=1.0), beside=beside)
    (fault,) = schedule.document()
    assert outcome["counts"]["renewals"] > 0
    assert {kind.rpartition(" ")[2] for kind in outcome["errors"]} == {"403"}
    broken = [when for when, kind in worlds[0].notes.troubles if kind == "song broke off"]
    assert all(0 <= when - fault["began_ms"] < 4000 for when in broken)
    assert fault["recovered"]
