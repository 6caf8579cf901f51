"""LRU: out goes what was not used for the longest time.

The oldest policy of all (L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM
Systems Journal 5(2), 1966, compares others with it), and the one that a single scan over cold objects empties.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Lru(Generic[K]):
    """Every operation is O(1)."""

    def __init__(self) -> None:
        self._keys: OrderedDict[K, None] = OrderedDict()  # least recently used first

    def add(self, key: K, size: int) -> None:
        self._keys[key] = None

    def hit(self, key: K) -> None:
        self._keys.move_to_end(key)

    def evict(self, newcomer: K, size: int) -> tuple[K]:
        return (self._keys.popitem(last=False)[0],)

    def remove(self, key: K) -> None:
        del self._keys[key]
