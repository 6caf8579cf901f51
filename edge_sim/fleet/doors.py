"""What a control door is asked, from outside."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from edge_sim.edge.clock import Clock
from edge_sim.edge.upstream import named_errors
from media.errors import UpstreamFailed, UpstreamTimeout

_AGAIN_S = 1.0  # between two looks at a job, and between two tries of an edge that does not answer
Pause = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Doors:
    """`session` sends the token, `clock` is Unix time in ms, `pause` waits for seconds."""

    session: aiohttp.ClientSession
    clock: Clock
    pause: Pause = asyncio.sleep

    async def purge(self, edge: str, order: dict[str, Any]) -> int:
        """How many objects went. Raises `UpstreamFailed`."""
        return int((await self._ask("POST", f"{edge}/purge", order))["purged"])

    async def warm(
        self, edge: str, order: dict[str, Any], before_ms: int, tell: Callable[[dict[str, Any]], None]
    ) -> dict[str, Any]:
        """The job, when it is done; `tell` hears of it until then. Raises `UpstreamTimeout` when it is not at `before_ms`.

        An edge that does not answer is asked again until then; one that refuses the order is not.
        """
        job: dict[str, Any] | None = None
        while True:
            try:
                if job is None:
                    job = await self._ask("POST", f"{edge}/warm", order)
                else:
                    job = await self._ask("GET", f"{edge}/warm/{job['id']}")
                tell(job)
                if job["done"]:
                    return job
            except _Refused as error:
                if error.status == 404 and job is not None:
                    job = None  # the edge was started anew, and its memory is empty
                else:
                    raise
            except UpstreamFailed:
                if self.clock() >= before_ms:
                    raise
            if self.clock() >= before_ms:
                raise UpstreamTimeout(f"{edge}: not warm in time")
            await self.pause(_AGAIN_S)

    async def _ask(self, method: str, url: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
        with named_errors(url):
            async with self.session.request(method, url, json=order, allow_redirects=False) as response:
                text = await response.read()
        document: Any = None
        with suppress(ValueError, RecursionError):
            document = json.loads(text)
        if not isinstance(document, dict):
            raise UpstreamFailed(f"{url}: answered {response.status}, and no JSON: is that a control door?")
        if response.status >= 500:
            raise UpstreamFailed(f"{url}: {response.status} {document.get('detail', '')}".rstrip())
        if response.status >= 400:
            raise _Refused(url, response.status, str(document.get("detail", "")))
        return document


class _Refused(UpstreamFailed):
    """The edge understood, and said no."""

    def __init__(self, url: str, status: int, detail: str) -> None:
        super().__init__(f"{url}: {status} {detail}".rstrip())
        self.status = status
