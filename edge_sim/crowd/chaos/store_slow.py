"""What lies behind the shield and the edges becomes slow.

It is the wire between them and the origin that waits: to them a slow store and a slow origin are the same.
"""

from __future__ import annotations

from edge_sim.crowd.chaos.stage import Stage

DELAY_MS = 1500


class StoreSlow:
    what = f"each question to the origin waits {DELAY_MS} ms"

    async def begin(self, stage: Stage) -> None:
        stage.relay.delay_ms = DELAY_MS

    async def end(self, stage: Stage) -> None:
        stage.relay.delay_ms = 0
