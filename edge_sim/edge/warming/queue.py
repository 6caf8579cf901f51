"""Fetching what warming wants, behind the listeners: a few at a time, each thing once, the newest wishes first.

When more is wanted than can be fetched, the oldest wishes go: a segment that should have been here ten seconds ago has been asked for by now.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Literal

from edge_sim.edge.warming.ledger import Cause

Result = Literal["fetched", "had", "missing", "failed"]
Fetch = Callable[[str], Awaitable[Result]]
AT_ONCE = 2  # of the 128 connections that listeners' misses may use
_MOST = 1024  # wishes


class Queue:
    """`fetch` brings a path into the cache and never raises; `done` hears what became of each wish."""

    def __init__(
        self, fetch: Fetch, done: Callable[[str, Cause, Result], None], *, at_once: int = AT_ONCE
    ) -> None:
        self._fetch = fetch
        self._done = done
        self._at_once = at_once
        self._wishes: OrderedDict[str, Cause] = OrderedDict()
        self._running: dict[str, asyncio.Task[None]] = {}

    def want(self, path: str, cause: Cause) -> None:
        if path in self._running:
            return
        self._wishes[path] = cause
        self._wishes.move_to_end(path)
        if len(self._wishes) > _MOST:
            self._wishes.popitem(last=False)
        self._next()

    async def settled(self) -> None:
        """Until nothing is wanted any more."""
        while self._running:
            await asyncio.wait(list(self._running.values()))

    async def close(self) -> None:
        self._wishes.clear()
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _next(self) -> None:
        while self._wishes and len(self._running) < self._at_once:
            path, cause = self._wishes.popitem()
            self._running[path] = asyncio.create_task(self._run(path, cause), name=f"warm {path}")

    async def _run(self, path: str, cause: Cause) -> None:
        try:
            result = await self._fetch(path)
        finally:
            del self._running[path]
        self._done(path, cause, result)
        self._next()
