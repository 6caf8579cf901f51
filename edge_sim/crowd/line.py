"""A listener's own connections, and the network between: real HTTP over loopback, then the time that the network would have added.

Links below TCP for thousands of listeners are more than two cores can carry (`edge_sim.links` emulates one). So each answer really comes over loopback, and the
listener then waits as long as it would have been under way: handshakes, the request's round trip, slow start and rate as in `edge_sim.links.model`, the window
growing with what the listener's line has carried and falling back when it idles; transfers at the same time share the rate. A lost packet costs another round trip, one of
the last three a timeout. What the model does not have: servers see no slow clients, and their sockets never fill. The report says so.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import aiohttp
import numpy

from edge_sim.crowd.tiers import answered
from edge_sim.links.model import MSS, WINDOW, connect_ms, exchange_ms, grown
from edge_sim.links.network import Network
from edge_sim.player.connection import TIMEOUT, Connection, Stopwatch, connecting_times

_IDLE_MS = 1000  # after which a connection begins slowly again (RFC 5681 §4.1: a retransmission timeout, at least a second)
_RTO_MS = 200  # Linux' least
_TAIL = 3  # packets behind which no acknowledgements tell of a loss


@dataclass
class Line(Connection):
    """`heed` hears of each answer from a cache: who answered, bytes."""

    heed: Callable[[str, int], None] = lambda tier, size: None
    network: Network | None = None
    random: numpy.random.Generator = field(default_factory=numpy.random.default_rng)
    tiers: list[str] = field(default_factory=list)  # who answered since it was last cleared
    _window: float = WINDOW
    _free_ns: int = 0  # when the last byte so far has come

    async def request(self, name: str, method: str, url: str, **rest: Any) -> bytes:
        body = await super().request(name, method, url, **rest)
        if self.network is not None:
            await self._travel(self.network)
        return body

    def heard(self, name: str, headers: Mapping[str, str]) -> None:
        tier = answered(headers.get("Cache-Status", ""))
        if tier:
            self.tiers.append(tier)
            self.heed(tier, self.spans[-1].size)

    async def _travel(self, network: Network) -> None:
        """Wait until the last span's answer would be here, and let the span say so."""
        span, now = self.spans[-1], self.stopwatch()
        before = self.spans[-2] if len(self.spans) > 1 else span
        opened = before.name == "connect" and before.stop_ns == span.start_ns
        handshake = 0
        if opened:
            handshake = round(connect_ms(network.rtt_ms, network.kbits, network.upwards) * 1e6)
            self.spans[-2] = replace(before, stop_ns=before.stop_ns + handshake)
            self._window = WINDOW
        elif now - self._free_ns > _IDLE_MS * 1_000_000:
            self._window = WINDOW
        way = exchange_ms(span.size, network.rtt_ms, network.kbits, network.upwards, window=self._window)
        way += self._lost_ms(network, span.size)
        there = span.stop_ns + handshake + round(way * 1e6)
        there = max(there, self._free_ns + span.size * 8_000_000 // network.kbits)
        self._free_ns = there
        self._window = grown(span.size, self._window)
        self.spans[-1] = replace(span, start_ns=span.start_ns + handshake, stop_ns=there)
        await asyncio.sleep(max(0, there - now) / 1e9)

    def _lost_ms(self, network: Network, size: int) -> float:
        if not network.loss:
            return 0.0
        packets = max(1, -(-size // MSS))
        lost = int(self.random.binomial(packets, network.loss))
        late = bool(lost) and self.random.random() < min(1.0, _TAIL / packets)
        return lost * network.rtt_ms + (max(_RTO_MS, 2 * network.rtt_ms) if late else 0)


def is_near(host: str) -> bool:
    """Whether an IP address is this machine's, or of a private network."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private


def _near(info: aiohttp.AddrInfoType) -> socket.socket:
    """Wherever a manifest, a name or a redirect leads: thousands of listeners go no farther."""
    host = str(info[4][0])
    if not is_near(host):
        raise OSError(f"{host} is not near")
    return socket.socket(*info[:3])


@asynccontextmanager
async def line(stopwatch: Stopwatch, address: str = "", **rest: Any) -> AsyncIterator[Line]:
    """Nothing is open yet. `address` is the listener's own, "" the system's choice; six connections to a host, as browsers have."""
    connector = aiohttp.TCPConnector(
        limit_per_host=6,
        local_addr=(address, 0) if address else None,
        keepalive_timeout=60,
        socket_factory=_near,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        trace_configs=[connecting_times(stopwatch)],
        timeout=TIMEOUT,
        headers={"User-Agent": "tonearm-crowd"},
    ) as session:
        yield Line(session, stopwatch, **rest)
