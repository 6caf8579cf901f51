"""When faults begin and end within a run, and what listeners noticed of each.

    |  before  |  fault ███ after  |  fault ███ after  |

The run is cut in one part more than there are faults. The first part is quiet; of each other one the fault takes the first third.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edge_sim.crowd.chaos import FAULTS, Fault
from edge_sim.crowd.chaos.stage import Stage
from edge_sim.crowd.world import World
from edge_sim.player.waterfall import nearest_rank


@dataclass(slots=True)
class Happened:
    """One fault, or several at the same time; ms since the run's beginning."""

    name: str
    what: str
    began_ms: int = 0
    ended_ms: int = 0


class Schedule:
    """Of the faults named, each ``a`` or ``a+b``; `run` goes along with a crowd, `document` tells of it when all is over."""

    def __init__(self, stage: Stage, names: Sequence[str]) -> None:
        self._stage = stage
        self._names = names
        self.happened: list[Happened] = []
        self._world: World

    async def run(self, world: World) -> None:
        self._world = world
        width = world.settings.milliseconds // (len(self._names) + 1)
        for number, name in enumerate(self._names):
            await _until(world, width * (number + 1))
            faults: list[Fault] = [FAULTS[each]() for each in name.split("+")]
            happened = Happened(name, "; ".join(fault.what for fault in faults), world.ms())
            self.happened.append(happened)
            await asyncio.gather(*(fault.begin(self._stage) for fault in faults))
            await _until(world, width * (number + 1) + width // 3)
            await asyncio.gather(*(fault.end(self._stage) for fault in faults))
            happened.ended_ms = world.ms()

    def document(self) -> list[dict[str, Any]]:
        """For each: before, while and after it; and how long after its end there still was trouble."""
        world = self._world
        found = []
        for number, each in enumerate(self.happened):
            begin = self.happened[number - 1].ended_ms if number else 0
            last = number + 1 == len(self.happened)
            end = world.settings.milliseconds if last else self.happened[number + 1].began_ms
            later = [when for when, _ in world.notes.troubles if each.ended_ms < when < end]
            found.append(
                {
                    "name": each.name,
                    "what": each.what,
                    "began_ms": each.began_ms,
                    "ended_ms": each.ended_ms,
                    "before": noticed(world, begin, each.began_ms),
                    "while": noticed(world, each.began_ms, each.ended_ms),
                    "after": noticed(world, each.ended_ms, end),
                    "well_again_ms": max(later, default=each.ended_ms) - each.ended_ms,
                    "recovered": not any(when > end - (end - each.ended_ms) // 4 for when in later),
                }
            )
        return found


def noticed(world: World, begin: int, end: int) -> dict[str, Any]:
    """Of what happened in that time: starts with their p95 in ms, and troubles by kind."""
    starts = sorted(start.total_ns for start in world.notes.starts if begin <= start.at_ms < end)
    troubles = Counter(kind for when, kind in world.notes.troubles if begin <= when < end)
    return {
        "starts": len(starts),
        "p50": round(nearest_rank(starts, 50) / 1e6, 3) if starts else None,
        "p95": round(nearest_rank(starts, 95) / 1e6, 3) if starts else None,
        "troubles": dict(troubles.most_common()),
    }


async def _until(world: World, at_ms: int) -> None:
    await asyncio.sleep(max(0, at_ms - world.ms()) / 1000)
