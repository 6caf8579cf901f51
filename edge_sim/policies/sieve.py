"""SIEVE: one queue in the order of arrival, one bit a key, and a hand that goes from the old end to the new one.

Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is Simpler than LRU: an Efficient Turn-Key Eviction
Algorithm for Web Caches", NSDI 2024. A hit sets the bit and moves nothing. The hand takes a set bit away and passes on;
the first key without one goes. What survives stays where it is, so new keys, which come in at the other end, have to
prove themselves soon, and old ones that did are not asked again before the hand has been everywhere.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class _Node(Generic[K]):
    __slots__ = ("key", "newer", "older", "used")

    def __init__(self, key: K) -> None:
        self.key = key
        self.used = False
        self.newer: _Node[K] | None = None
        self.older: _Node[K] | None = None


class Sieve(Generic[K]):
    """A hit is O(1), and so is an eviction on average: each step of the hand uses up one earlier hit."""

    def __init__(self) -> None:
        self._nodes: dict[K, _Node[K]] = {}
        self._newest: _Node[K] | None = None
        self._oldest: _Node[K] | None = None
        self._hand: _Node[K] | None = None  # None: at the oldest

    def add(self, key: K, size: int) -> None:
        node = self._nodes[key] = _Node(key)
        node.older = self._newest
        if self._newest is None:
            self._oldest = node
        else:
            self._newest.newer = node
        self._newest = node

    def hit(self, key: K) -> None:
        self._nodes[key].used = True

    def evict(self, newcomer: K, size: int) -> tuple[K]:
        node = self._hand or self._oldest
        if node is None:
            raise KeyError("nothing is in")
        while node.used:
            node.used = False
            node = node.newer or self._oldest
            assert node is not None
        self._take(node)
        return (node.key,)

    def remove(self, key: K) -> None:
        node = self._nodes[key]
        if node is self._hand:
            self._take(node)
            return
        hand = self._hand
        self._take(node)
        self._hand = hand

    def _take(self, node: _Node[K]) -> None:
        """Out of the queue, with the hand on the next newer one."""
        if node.newer is None:
            self._newest = node.older
        else:
            node.newer.older = node.older
        if node.older is None:
            self._oldest = node.newer
        else:
            node.older.newer = node.newer
        self._hand = node.newer
        del self._nodes[node.key]
