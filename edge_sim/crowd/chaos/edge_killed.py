"""One edge dies and is started again at once, as a supervisor does; its memory is gone."""

from __future__ import annotations

from edge_sim.crowd.chaos.stage import Stage


class EdgeKilled:
    what = "the first region's edge is killed and started again at once, with nothing in its memory"

    async def begin(self, stage: Stage) -> None:
        edge = next(iter(stage.edges.values()))
        await edge.kill()
        await edge.start()

    async def end(self, stage: Stage) -> None:
        """It is back already."""
