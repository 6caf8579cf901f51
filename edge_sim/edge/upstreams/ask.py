"""Asking the tiers: one answer for a path, from whoever is first in its order and well.

What counts against a server is that it cannot be reached, breaks off, does not answer in time, or says 500 or 503. 502 and 504
say by definition that it stands and somebody behind it does not (RFC 9110 §15.6.3, §15.6.5): another is asked, and its own circuit stays closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from edge_sim.edge.clock import Clock
from edge_sim.edge.upstream import named_errors
from edge_sim.edge.upstreams.budget import RetryBudget
from edge_sim.edge.upstreams.hashing import order
from edge_sim.edge.upstreams.server import Server
from media.errors import UpstreamFailed

PATIENCE_S = 4.0  # for the head of an answer while there is another server to ask: a listener waits for about ten seconds
_IN_A_TIER = 2  # servers of one tier that are asked for one request
_ILL = frozenset({500, 503})
_ELSEWHERE = _ILL | {502, 504}


@dataclass(frozen=True, slots=True)
class Topology:
    """Addresses of origins, and of the shields before them. `region` names the edge in Cache-Status; `checks`: ask servers how they are."""

    origins: Sequence[str]
    shields: Sequence[str] = ()
    region: str = ""
    checks: bool = True


class Upstreams:
    """`stopwatch` in ns, for metrics only; `patience_s` in seconds."""

    def __init__(
        self,
        topology: Topology,
        session: aiohttp.ClientSession,
        *,
        clock: Clock,
        patience_s: float = PATIENCE_S,
        stopwatch: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        named = {"shield": topology.shields, "origin": topology.origins}
        self.tiers = [[Server(url, tier) for url in urls] for tier, urls in named.items() if urls]
        self._session = session
        self._clock = clock
        self._patience_s = patience_s
        self._stopwatch = stopwatch
        self._budget = RetryBudget(clock)
        self.retries = 0

    @property
    def servers(self) -> list[Server]:
        return [server for tier in self.tiers for server in tier]

    @asynccontextmanager
    async def ask(
        self, path: str, headers: Mapping[str, str], *, method: str = "GET"
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer's head; the body is to be read inside the block. An `UpstreamFailed` there is the server's doing.

        Raises `UpstreamFailed` and `UpstreamTimeout`.
        """
        server, response = await self._first(method, path, headers)
        try:
            async with response:
                yield response
        except UpstreamFailed:
            if response.ok:
                self._failed(server)
            else:  # it has failed already, or it stands and does not like the question
                server.circuit.abandoned()
            raise
        except BaseException:
            server.circuit.abandoned()
            raise
        if response.status not in _ELSEWHERE:
            server.circuit.succeeded()

    async def _first(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> tuple[Server, aiohttp.ClientResponse]:
        """The first answer that is not the server's trouble; when nobody has one, the last trouble."""
        candidates = self._candidates(path)
        server = next(candidates, None)
        if server is None:
            raise UpstreamFailed(f"origin: {path}: every server failed lately and is left alone")
        self._budget.earn()
        while True:
            following = next(candidates, None)
            try:
                response = await self._exchange(server, method, path, headers, hurried=following is not None)
            except UpstreamFailed:
                if following is None or not self._budget.spend():
                    raise
            else:
                if response.status not in _ELSEWHERE or following is None or not self._budget.spend():
                    return server, response
                response.close()
            self.retries += 1
            server = following

    def _candidates(self, path: str) -> Iterator[Server]:
        for tier in self.tiers:
            asked = 0
            for server in order(path, tier):
                if asked < _IN_A_TIER and server.circuit.ready(self._clock()):
                    asked += 1
                    yield server

    async def _exchange(
        self, server: Server, method: str, path: str, headers: Mapping[str, str], *, hurried: bool
    ) -> aiohttp.ClientResponse:
        server.circuit.begin()
        started = self._stopwatch()
        try:
            with named_errors(f"{server.tier}: {path}"):
                async with asyncio.timeout(self._patience_s if hurried else None):
                    response = await self._session.request(
                        method, server.url(path), headers=headers, allow_redirects=False
                    )
        except UpstreamFailed:
            self._failed(server)
            raise
        except BaseException:
            server.circuit.abandoned()
            raise
        server.answers += 1
        server.waited_ns += self._stopwatch() - started
        if response.status in _ILL:
            self._failed(server)
        elif response.status in _ELSEWHERE:
            server.circuit.abandoned()
        return response

    def _failed(self, server: Server) -> None:
        server.failures += 1
        server.circuit.failed(self._clock())
