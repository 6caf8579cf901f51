"""What the edge remembers: whole objects, and two facts that need no bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_sim.edge.freshness import Freshness

OVERHEAD = 1024  # headers, key, Python objects: what an entry costs besides its body, in bytes


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """What is known of an object before its bytes. `headers` are those that a stored answer keeps; `born_ms` is when the origin made it."""

    headers: Mapping[str, str]
    born_ms: int
    freshness: Freshness

    @property
    def etag(self) -> str:
        """With its quotes; empty when the origin gave none."""
        return self.headers.get("ETag", "")

    def age(self, now_ms: int) -> int:
        """Seconds since the origin made it, RFC 9111 §4.2.3; a clock that went back gives 0."""
        return max(0, now_ms - self.born_ms) // 1000

    def fresh(self, now_ms: int) -> bool:
        return now_ms < self.born_ms + self.freshness.lifetime_ms

    def ttl(self, now_ms: int) -> int:
        """Whole seconds that it will be fresh, negative when it is not; rounded down (RFC 9211 §2.4)."""
        return (self.born_ms + self.freshness.lifetime_ms - now_ms) // 1000

    def presentable(self, now_ms: int) -> bool:
        """Whether it may be answered while it is asked about (stale-while-revalidate, RFC 5861 §3)."""
        return now_ms < self.born_ms + self.freshness.lifetime_ms + self.freshness.window_ms

    def usable(self, now_ms: int) -> bool:
        """Whether it may stand in for an origin in trouble (stale-if-error, RFC 5861 §4)."""
        return now_ms < self.born_ms + self.freshness.lifetime_ms + self.freshness.grace_ms


@dataclass(frozen=True, slots=True, eq=False)
class Whole(Head):
    """A complete object."""

    body: bytes

    @property
    def head(self) -> Head:
        return self

    @property
    def length(self) -> int:
        return len(self.body)

    @property
    def size(self) -> int:
        return len(self.body) + OVERHEAD


@dataclass(frozen=True, slots=True)
class Missing:
    """The origin said that there is no such object. Only the fact is kept, not the answer."""

    until_ms: int
    size: int = OVERHEAD

    def fresh(self, now_ms: int) -> bool:
        return now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class Oversized:
    """The object is larger than the edge holds: everyone's request for it passes through."""

    until_ms: int
    size: int = OVERHEAD

    def fresh(self, now_ms: int) -> bool:
        return now_ms < self.until_ms


Entry = Whole | Missing | Oversized
