"""LRU: out goes what was not used for the longest time.

The oldest policy of all (L. A. Belady, "A study of replacement algorithms for a virtual-storage computer", IBM
Systems Journal 5(2), 1966, compares others with it), and the one that a single scan over cold objects empties.
"""

from __future__ import annotations

from collections import OrderedDict


class Lru:
    """Every operation is O(1)."""

    def __init__(self) -> None:
        self._keys: OrderedDict[str, None] = OrderedDict()  # least recently used first

    def add(self, key: str, size: int) -> None:
        self._keys[key] = None

    def hit(self, key: str) -> None:
        self._keys.move_to_end(key)

    def evict(self) -> str:
        return self._keys.popitem(last=False)[0]

    def remove(self, key: str) -> None:
        del self._keys[key]
