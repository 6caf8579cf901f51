"""W-TinyLFU: whoever comes in must have been asked for more often than whoever would have to go.

G. Einziger, R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM Transactions on Storage
13(4), 2017. Newcomers wait in a *window*; when memory is full, the oldest of them is held against the one that *main*
would give up next, by how often each was asked for lately, also before it was in. A sketch remembers that in a few counters
a key (`edge_sim.policies.sketch`). Main is a segmented LRU: a fifth on probation, four fifths protected.

For objects of one size it has the miss counts of libCacheSim. It differs in two things, on purpose. libCacheSim counts every byte as an object: fourteen counters for each byte
of the cache, which overflows an integer from 150 MB on; here `typical` says how many bytes an object has. And there a hit
may throw something out although memory has room: promoted objects push others back to probation, and when
these are larger than what left, it evicts. Here a hit never evicts; probation may be over its share until the next eviction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from edge_sim.policies.sketch import Sketch

K = TypeVar("K", bound=Hashable)
_WINDOW = 0.01
_PROBATION = 0.2
_SAMPLE = 32  # uses per object in main before all counters are halved


class TinyLfu(Generic[K]):
    """`budget` is the memory's and `typical` an object's, in bytes."""

    def __init__(self, budget: int, *, typical: int) -> None:
        self._main_share = budget - int(budget * _WINDOW)
        self._probation_share = int(_PROBATION * self._main_share)
        self._protected_share = int((1 - _PROBATION) * self._main_share)
        self._window: OrderedDict[K, int] = (
            OrderedDict()
        )  # sizes by key, least recently used first, like the next two
        self._probation: OrderedDict[K, int] = OrderedDict()
        self._protected: OrderedDict[K, int] = OrderedDict()
        self._probation_used = 0
        self._protected_used = 0
        objects = max(1, self._main_share // typical)
        self._sketch: Sketch[K] = Sketch(objects)
        self._sample = _SAMPLE * objects
        self._counted = 0

    def add(self, key: K, size: int) -> None:
        self._window[key] = size
        self._sketch.add(key)

    def hit(self, key: K) -> None:
        if key in self._window:
            self._window.move_to_end(key)
            return
        if key in self._protected:
            self._protected.move_to_end(key)
        else:
            self._promote(key)
        self._sketch.add(key)
        self._counted += 1
        if self._counted >= self._sample:
            self._counted = 0
            self._sketch.halve()

    def evict(self, newcomer: K, size: int) -> list[K]:
        gone: list[K] = []
        while self._window and not gone:
            key, size = next(iter(self._window.items()))
            if self._main_used + size > self._main_share:
                if not self._main_used or self._sketch.count(key) <= self._sketch.count(self._next_of_main()):
                    del self._window[key]
                    self._sketch.add(key)
                    return [key]
                gone.append(self._evict_main())
            del self._window[key]
            self._insert(key, size, gone)
            self._sketch.add(key)
        return gone or [self._evict_main()]

    def remove(self, key: K) -> None:
        if key in self._window:
            del self._window[key]
        elif key in self._probation:
            self._probation_used -= self._probation.pop(key)
        else:
            self._protected_used -= self._protected.pop(key)

    @property
    def _main_used(self) -> int:
        return self._probation_used + self._protected_used

    def _next_of_main(self) -> K:
        return next(iter(self._probation or self._protected))

    def _evict_main(self) -> K:
        if self._probation:
            key, size = self._probation.popitem(last=False)
            self._probation_used -= size
        else:
            key, size = self._protected.popitem(last=False)
            self._protected_used -= size
        return key

    def _insert(self, key: K, size: int, gone: list[K]) -> None:
        """Into main: where its share has room, probation first."""
        if self._probation_used + size > self._probation_share:
            if self._protected_used + size <= self._protected_share:
                self._protected[key] = size
                self._protected_used += size
                return
            while self._main_used and self._main_used + size > self._main_share:
                gone.append(self._evict_main())
        self._probation[key] = size
        self._probation_used += size

    def _promote(self, key: K) -> None:
        size = self._probation.pop(key)
        self._probation_used -= size
        self._protected[key] = size
        self._protected_used += size
        while self._protected_used > self._protected_share:
            cooled, size = self._protected.popitem(last=False)
            self._protected_used -= size
            self._probation[cooled] = size
            self._probation_used += size
