"""All edges of a region are gone until the end; its listeners are sent to the next region after a while."""

from __future__ import annotations

from edge_sim.crowd.chaos.stage import Stage


class RegionLost:
    what = "the last region's edge is killed; started again at the end, with nothing in its memory"

    async def begin(self, stage: Stage) -> None:
        await list(stage.edges.values())[-1].kill()

    async def end(self, stage: Stage) -> None:
        await list(stage.edges.values())[-1].start()
