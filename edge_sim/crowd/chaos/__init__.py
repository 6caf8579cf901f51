"""Faults on request, one a file, against a stage of its own (`edge_sim.crowd.chaos.stage`).

To add one: a file with a class that follows `Fault`, and its line in `FAULTS` here and its name in `edge_sim.crowd.commands.FAULTS`, which a command can read without any of this.
"""

from __future__ import annotations

from typing import Protocol

from edge_sim.crowd.chaos.api_down import ApiDown
from edge_sim.crowd.chaos.corrupt_segment import CorruptSegment
from edge_sim.crowd.chaos.edge_killed import EdgeKilled
from edge_sim.crowd.chaos.keys_expired import KeysExpired
from edge_sim.crowd.chaos.origin_down import OriginDown
from edge_sim.crowd.chaos.region_lost import RegionLost
from edge_sim.crowd.chaos.stage import Stage
from edge_sim.crowd.chaos.store_slow import StoreSlow


class Fault(Protocol):
    """`what` happens, in a few words."""

    what: str

    async def begin(self, stage: Stage) -> None: ...

    async def end(self, stage: Stage) -> None:
        """What was broken is repaired; what it did to others is theirs to get over."""


FAULTS: dict[str, type[Fault]] = {
    "origin-down": OriginDown,
    "api-down": ApiDown,
    "store-slow": StoreSlow,
    "edge-killed": EdgeKilled,
    "region-lost": RegionLost,
    "corrupt-segment": CorruptSegment,
    "keys-expired": KeysExpired,
}
