"""The control API dies, and comes back at the end: no new grants, no licences."""

from __future__ import annotations

from edge_sim.crowd.chaos.stage import Stage


class ApiDown:
    what = "the API is killed; started again at the end"

    async def begin(self, stage: Stage) -> None:
        await stage.api.kill()

    async def end(self, stage: Stage) -> None:
        await stage.api.start()
