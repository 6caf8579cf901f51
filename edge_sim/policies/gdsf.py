"""GDSF: out goes what earned least for its bytes.

L. Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy", HP Laboratories Report
HPL-98-69R1, 1998. A key is worth ``L + uses / size``, where L is the worth of the last that had to go: what is not used
any more is overtaken by newcomers. Many small objects for few large ones: good for the hit ratio, bad for the byte hit ratio.
"""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heappop, heappush, heapreplace
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_SCALE = 1.0e6  # a use of one byte; only the ratios matter


class _Worth:
    __slots__ = ("added", "last", "size", "uses", "value")

    def __init__(self, value: float, size: int, now: int) -> None:
        self.value = value
        self.size = size
        self.uses = 1
        self.added = now
        self.last = now


class Gdsf(Generic[K]):
    """A hit is O(1), an eviction O(log n) and more.

    A hit only ever raises a key's worth, so the heap may go on with what it was worth before: whoever comes out on top
    with an old worth goes in again with the new one. Equal ones leave in the order in which they were last used.

    A newcomer competes from the beginning, with what L was before anybody left for it: it is refused when all that is left is
    worth more.
    """

    def __init__(self) -> None:
        self._worth: dict[K, _Worth] = {}
        self._heap: list[tuple[float, int, int, K]] = []  # worth, last use, time of arrival, key
        self._level = 0.0
        self._now = 0
        self._making_room = False  # from the first eviction for a newcomer until it is in, or refused
        self._offered = 0.0  # L when that began

    def add(self, key: K, size: int) -> None:
        self._now += 1
        size = max(size, 1)
        level = self._offered if self._making_room else self._level
        self._making_room = False
        worth = self._worth[key] = _Worth(level + _SCALE / size, size, self._now)
        heappush(self._heap, (worth.value, self._now, self._now, key))

    def hit(self, key: K) -> None:
        self._now += 1
        worth = self._worth[key]
        worth.uses += 1
        worth.last = self._now
        worth.value = self._level + worth.uses * _SCALE / worth.size

    def evict(self, newcomer: K, size: int) -> tuple[K] | tuple[()]:
        if not self._making_room:
            self._making_room = True
            self._offered = self._level
        while self._heap:
            value, last, added, key = self._heap[0]
            worth = self._worth.get(key)
            if worth is None or worth.added != added:  # it was removed meanwhile
                heappop(self._heap)
            elif worth.last != last:
                heapreplace(self._heap, (worth.value, worth.last, added, key))
            elif value > (offer := self._offered + _SCALE / max(size, 1)):
                self._level = offer
                self._making_room = False
                return ()
            else:
                heappop(self._heap)
                del self._worth[key]
                self._level = value
                return (key,)
        raise KeyError("nothing is in")

    def remove(self, key: K) -> None:
        del self._worth[key]
        if len(self._heap) > 2 * len(self._worth) + 64:  # mostly of those who are gone: begin anew
            self._heap = sorted((each.value, each.last, each.added, key) for key, each in self._worth.items())
