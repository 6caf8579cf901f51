"""Many objects at once, a few at a time.

    await each(keys, store.delete)

What began is waited for, whatever happens: a write in a thread or on a wire goes on, and whoever must take it back has to know.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from media import layout
from media.ports import ObjectStore

AT_ONCE = 16
Item = TypeVar("Item")


async def each(
    items: Iterable[Item], work: Callable[[Item], Awaitable[None]], *, at_once: int = AT_ONCE
) -> None:
    """Run `work` on every item. Returns, or raises the first failure, only when all that began has ended."""
    gate = asyncio.Semaphore(at_once)
    failures: list[BaseException] = []
    running: set[asyncio.Task[None]] = set()

    async def one(item: Item) -> None:
        await work(item)

    def ended(task: asyncio.Task[None]) -> None:
        gate.release()
        running.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            failures.append(failure)

    try:
        for item in items:
            await gate.acquire()
            if failures:
                gate.release()
                break
            running.add(task := asyncio.create_task(one(item)))
            task.add_done_callback(ended)
    finally:
        await _settled(running)
    if failures:
        raise failures[0]


async def put_all(
    store: ObjectStore, objects: Iterable[tuple[str, bytes]], *, if_absent: bool = False
) -> None:
    """Put objects under their keys, with the headers of `media.layout`. Raises `StoreError`, the first that comes."""

    async def put(item: tuple[str, bytes]) -> None:
        key, body = item
        await store.put(
            key,
            body,
            media_type=layout.media_type(key),
            cache_control=layout.cache_control(key),
            if_absent=if_absent,
        )

    await each(objects, put)


async def _settled(running: set[asyncio.Task[None]]) -> None:
    """Wait for all of them even when cancelled."""
    cancelled: asyncio.CancelledError | None = None
    while running:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
