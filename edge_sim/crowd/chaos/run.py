"""A crowd on a stage of its own, with faults."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_sim.crowd.chaos.schedule import Schedule
from edge_sim.crowd.chaos.stage import stage
from edge_sim.crowd.run import run
from edge_sim.crowd.settings import Settings
from edge_sim.crowd.world import World

_GOAL_MS = 8000  # of music in hand: the stage's songs are short, and who has all of one needs nobody any more


async def run_with(
    settings: Settings, faults: Sequence[str], *, progress: Callable[[World], None] = lambda world: None
) -> dict[str, Any]:
    """The outcome, with its ``faults``. The stage's regions take the networks of the settings' first one."""
    with tempfile.TemporaryDirectory(prefix="tonearm-chaos-") as folder:
        async with stage(Path(folder)) as up:
            schedule = Schedule(up, faults)
            between = settings.places[0].networks
            places = tuple(replace(place, networks=between) for place in up.places)
            asked = replace(settings, places=places, goal_ms=_GOAL_MS)
            document = await run(asked, progress=progress, beside=schedule.run)
    found = schedule.document()
    return document | {"faults": found, "verdict": verdict(document["verdict"], found)}


def verdict(verdict: dict[str, Any], faults: list[dict[str, Any]]) -> dict[str, Any]:
    """With faults, what is held is that all was well again by itself; the other targets are told, and may be missed."""
    return verdict | {
        "met": verdict["believed"] and all(fault["recovered"] for fault in faults),
        "recovered": {fault["name"]: fault["recovered"] for fault in faults},
    }
