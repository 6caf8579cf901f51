"""Edges with a disk, one after another or at the same time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_sim.edge.app import routes
from edge_sim.edge.disk.format import name_of
from media.serving import application, listening
from tests.edge_sim.conftest import SONG, Talk

Start = Callable[..., AbstractAsyncContextManager[Talk]]
DISK = 20_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "disk"


@pytest.fixture
def start(origin, clock, token_keys, session, folder) -> Start:
    """A listener before an edge with `folder` as its disk; it ends with the block."""

    @asynccontextmanager
    async def started(*, memory: int = 1 << 20, disk: int = DISK, **options: Any):
        table = routes(
            origin_url=origin.url,
            keys=token_keys,
            memory=memory,
            clock=clock,
            disk=(folder, disk),
            fast_path=False,
            **options,
        )
        async with listening(application("edge", table), "127.0.0.1", 0) as port:
            yield Talk(f"http://127.0.0.1:{port}", session, token_keys)

    return started


def file_of(folder: Path, name: str) -> Path:
    """Where an object of the song lies."""
    return folder / name_of(SONG + name)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


async def befell(talk: Talk, event: str, count: int = 1) -> None:
    """Let the edge proceed until that has happened so often; the test's timeout is the limit."""
    while await talk.count("disk_total", f'{{event="{event}"}}') < count:
        pass


async def recovered(talk: Talk, objects: int) -> None:
    """Let the edge proceed until it knows of so many objects on its disk."""
    while await talk.count("disk_objects") < objects:
        pass
