"""Request collapsing: whoever asks for what is already being fetched waits for that fetch.

A flight belongs to nobody who waits for it. When a listener skips and its request goes away, the fetch goes on for
the others, and when all are gone it still ends in the cache, where the next one finds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

V = TypeVar("V")


class Flights(Generic[V]):
    """At most one running fetch for each key."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[V]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._tasks

    async def join(self, key: str, fetch: Callable[[], Coroutine[Any, Any, V]]) -> V:
        """The result of the flight for `key`, started with `fetch` when there is none; its error goes to everyone."""
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(fetch(), name=f"fetch {key}")
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """End every flight; those who wait are cancelled."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _landed(self, key: str, task: asyncio.Task[V]) -> None:
        del self._tasks[key]
        if not task.cancelled():
            task.exception()  # seen, even when everyone who waited has gone
