"""A real stage for small crowds: three short songs, origin, shield, API and two edges, each a process, all on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from edge_sim.crowd.chaos.stage import Stage, stage
from edge_sim.crowd.run import run
from edge_sim.crowd.settings import Settings


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("stage"), songs=2, seconds=8) as up:
        yield up


async def gather(served: Stage, **settings: Any) -> dict[str, Any]:
    """The outcome of a small crowd on the stage."""
    asked = {"listeners": 6, "seconds": 2, "speed": 20, "decode": 1.0} | settings
    return await run(Settings(asked.pop("places", served.places), **asked))
