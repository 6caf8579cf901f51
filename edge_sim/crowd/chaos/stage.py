"""A whole service for a crowd, made for the occasion: a small catalogue of tones, and every server a process of its own.

    listeners ─▶ edge eu-west ─┐
    listeners ─▶ edge us-east ─┴▶ shield ─▶ (a wire that can be slow) ─▶ origin ─▶ store
                     └───────────▶ API

What can be broken is here to be broken: no other service is touched.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import wave
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy

from edge_sim.crowd.chaos.relay import Relay, relaying
from edge_sim.crowd.chaos.server import Server
from edge_sim.crowd.clients.score import innermost
from edge_sim.crowd.settings import Place
from media.errors import SettingsError

REGIONS = ("eu-west", "us-east")
_RATE = 44_100


@dataclass
class Stage:
    """`edges` by region; `doors` are the ports of the control doors of shield and edges, in this order."""

    home: Path
    store: Path
    origin: Server
    relay: Relay
    shield: Server
    api: Server
    edges: dict[str, Server]
    doors: list[int]

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(Place(name, edge.url) for name, edge in self.edges.items())

    async def purge(self, song: str) -> None:
        """Shield first, then edges: they would fetch the old copy there again."""
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            for port in self.doors:
                async with session.post(f"http://127.0.0.1:{port}/purge", json={"songs": [song]}) as answer:
                    await answer.read()

    @asynccontextmanager
    async def fresh_edge(self) -> AsyncIterator[Place]:
        """One more, with nothing in its memory, straight before the origin: for who wants to see what is there now."""
        server = Server(
            self.home,
            ("edge", "--origin", self.origin.url, "--api", self.api.url, "--workers", "1", "--no-access-log"),
        )
        try:
            await server.start()
            yield Place("fresh", server.url)
        finally:
            await server.stop()


@asynccontextmanager
async def stage(
    folder: Path, *, songs: int = 6, seconds: int = 16, regions: tuple[str, ...] = REGIONS
) -> AsyncIterator[Stage]:
    """Everything is up inside the block, and gone after it but for the files in `folder`. Raises `SettingsError`."""
    home, store = folder / "home", folder / "store"
    if not store.exists():
        await _publish(_masters(folder / "masters", songs, seconds), home, store)
    quiet = "--no-access-log"
    async with AsyncExitStack() as stack:

        async def up(*arguments: str) -> Server:
            server = Server(home, arguments)
            stack.push_async_callback(server.stop)  # also of one that is interrupted while it starts
            await server.start()
            return server

        origin = await up("origin", "--store", str(store), "--workers", "1", quiet)
        relay = await stack.enter_async_context(relaying(origin.port))
        doors = free_ports(1 + len(regions))
        common = ("--origin", relay.url, "--workers", "1", quiet)
        shield, api = await _together(
            up("edge", "--as-shield", "--control", str(doors[0]), *common),
            up("api", "--store", str(store), quiet),
        )
        behind = ("--shield", shield.url, "--api", api.url, *common)
        edges = await _together(
            *(
                up("edge", "--region", name, "--control", str(door), *behind)
                for name, door in zip(regions, doors[1:], strict=True)
            )
        )
        yield Stage(home, store, origin, relay, shield, api, dict(zip(regions, edges, strict=True)), doors)


async def _together(*starts: Coroutine[Any, Any, Server]) -> list[Server]:
    """When one does not start, the others do not go on."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(start) for start in starts]
    except BaseExceptionGroup as errors:
        raise innermost(errors) from None
    return [task.result() for task in tasks]


def free_ports(count: int) -> list[int]:
    """That nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _masters(folder: Path, songs: int, seconds: int) -> Path:
    """Chords that swell and fade: nobody's music, and no silence in it."""
    folder.mkdir(parents=True, exist_ok=True)
    t = numpy.arange(seconds * _RATE) / _RATE
    for number in range(songs):
        root = 220 * 2 ** (number * 5 % 12 / 12)
        chord = sum(numpy.sin(2 * numpy.pi * root * ratio * t) for ratio in (1, 1.25, 1.5, 2))
        sound = chord / 8 * (0.6 + 0.4 * numpy.sin(2 * numpy.pi * t / 3))
        with wave.open(str(folder / f"chord-{number:02}.wav"), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(_RATE)
            out.writeframes((numpy.stack([sound, sound], axis=1) * 32767).astype("<i2").tobytes())
    return folder


async def _publish(masters: Path, home: Path, store: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", home, "publish", masters, "--to", store),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise SettingsError(f"publish: {said.decode(errors='replace').strip()[-300:]}")
