"""Blocking calls in worker threads, with what cancelling means for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

Resource = TypeVar("Resource")


async def acquire(
    executor: Executor | None, open_it: Callable[[], Resource], close_it: Callable[[Resource], None]
) -> Resource:
    """Open something in a thread. A thread cannot be cancelled: when the caller is, the thing is closed on arrival."""
    opening = asyncio.get_running_loop().run_in_executor(executor, open_it)
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(
            lambda done: None if done.cancelled() or done.exception() else close_it(done.result())
        )
        raise
