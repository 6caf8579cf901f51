"""The origin dies, and comes back at the end."""

from __future__ import annotations

from edge_sim.crowd.chaos.stage import Stage


class OriginDown:
    what = "the origin is killed; started again at the end"

    async def begin(self, stage: Stage) -> None:
        await stage.origin.kill()

    async def end(self, stage: Stage) -> None:
        await stage.origin.start()
