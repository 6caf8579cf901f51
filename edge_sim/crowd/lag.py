"""Whether the generator kept up. A listener whose turn comes late measures the generator, not the edge."""

from __future__ import annotations

import asyncio
import time

from edge_sim.player.connection import Stopwatch
from edge_sim.player.waterfall import nearest_rank

_EVERY_NS = 20_000_000
BELIEVED_MS = 20  # of lag at most, in 99 of 100 looks: a tenth of what a start may take


class Lag:
    """Looks at the clock fifty times a second, and remembers how late each look came."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch
        self._late_ns: list[int] = []
        self._cpu = time.process_time_ns()
        self._began = stopwatch()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            due = self._stopwatch() + _EVERY_NS
            await asyncio.sleep(_EVERY_NS / 1e9)
            self._late_ns.append(max(0, self._stopwatch() - due))

    def document(self) -> dict[str, object]:
        """Percentiles of the lag in ms, the part of one core that we took, and whether that is to be believed."""
        late = sorted(self._late_ns) or [0]
        p50, p99, most = (nearest_rank(late, percent) / 1e6 for percent in (50, 99, 100))
        wall = max(1, self._stopwatch() - self._began)
        return {
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
            "max_ms": round(most, 3),
            "cpu": round((time.process_time_ns() - self._cpu) / wall, 3),
            "believed": p99 <= BELIEVED_MS,
        }
