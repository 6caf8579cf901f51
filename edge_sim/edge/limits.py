"""How much one listener may ask: requests in a second, and connections at a time. Without limits nothing here is called.

A listener is an address; of IPv6 its first 64 bits, which is what a household is given (RFC 6177). Many listeners may share
one address behind a carrier's NAT: limits are against who asks a hundred times what a player asks, not for fairness.

Requests follow the generic cell rate algorithm (ITU-T I.371): for each address one number, the time at which its bucket is full again. The
table is bounded; who has not asked for longest is forgotten first, and begins anew. Each worker process counts for itself.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address
from typing import Any

from edge_sim.edge.clock import Clock
from media.errors import ApiError

_BURST_S = 4  # seconds' worth of requests that a bucket holds: a start and a seek ask for many things at once
_MOST = 1 << 16  # addresses


class Limits:
    """`requests` a second and `connections` at a time for each address; 0 is no limit. `clock` in ms.

    A `peer` is what a socket says of its other end, address and port, and so names a connection as long as that is open.
    """

    def __init__(self, clock: Clock, *, requests: int = 0, connections: int = 0) -> None:
        self._clock = clock
        self._rate = requests
        self._cost_us = 1_000_000 // requests if requests else 0
        self._burst_us = _BURST_S * 1_000_000
        self._connections = connections
        self._full_us: dict[
            str, int
        ] = {}  # address → when its bucket is full again; the last one asked stands last
        self._open: dict[str, int] = {}
        self._surplus: set[Any] = set()

    def check(self, address: str, peer: Any) -> None:
        """Count a request of `address` over the connection with `peer`.

        Raises `ApiError` 429 with the seconds to wait (RFC 6585 §4, RFC 9110 §10.2.3).
        """
        if peer in self._surplus:
            raise _refusal(1, f"more than {self._connections} connections from one address")
        if wait_us := self._wait_us(address):
            raise _refusal(
                -(-wait_us // 1_000_000), f"more than {self._rate} requests a second from one address"
            )
        self.count(address)

    def allows(self, peer: Any) -> bool:
        """Whether `check` would let pass what comes from `peer` itself; nothing is counted."""
        return peer not in self._surplus and not self._wait_us(address_of(peer))

    def count(self, address: str) -> None:
        """A request was let pass."""
        if not self._cost_us or not address:
            return
        now_us = self._clock() * 1000
        client = household(address)
        self._full_us[client] = max(self._full_us.pop(client, 0), now_us) + self._cost_us
        if len(self._full_us) > _MOST:
            del self._full_us[next(iter(self._full_us))]

    def opened(self, peer: Any) -> None:
        """A connection began."""
        if self._connections and isinstance(peer, tuple):
            client = household(peer[0])
            self._open[client] = self._open.get(client, 0) + 1
            if self._open[client] > self._connections:
                self._surplus.add(peer)

    def closed(self, peer: Any) -> None:
        """A connection that was `opened` ended."""
        if self._connections and isinstance(peer, tuple):
            self._surplus.discard(peer)
            client = household(peer[0])
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

    def _wait_us(self, address: str) -> int:
        """How long until a request could be counted."""
        if not self._cost_us or not address:
            return 0
        now_us = self._clock() * 1000
        client = household(address)
        full_us = self._full_us.get(client, 0)
        if (
            full_us > now_us + self._burst_us
        ):  # the clock was put back: nobody is locked out by that for longer
            full_us = self._full_us[client] = now_us + self._burst_us
        return max(0, full_us + self._cost_us - self._burst_us - now_us)


@lru_cache(_MOST)
def household(address: str) -> str:
    """What is limited together: an IPv4 address, or the /64 of an IPv6 one."""
    if ":" not in address:
        return address
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))


def address_of(peer: Any) -> str:
    """Empty for those who do not come over IP: a worker's siblings."""
    return str(peer[0]) if isinstance(peer, tuple) else ""


def _refusal(seconds: int, why: str) -> ApiError:
    return ApiError(429, "too-many-requests", why, headers={"Retry-After": str(seconds)})
