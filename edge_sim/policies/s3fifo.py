"""S3-FIFO: three queues in the order of arrival, and no key ever moves on a hit.

J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO Queues Are All You Need for Cache Eviction", SOSP 2023. Most objects
that come in are never asked for again. They pass through a *small* queue, a tenth of the memory, and are gone soon; who
was asked for twice there goes on to *main*. A *ghost* queue remembers the names of those that had to leave small: one that
comes back was let go too soon, and enters main at once. In main, a hit is worth one more turn, up to three.

While memory fills for the first time, what small has no room for goes straight to main, as in the authors' own program.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
_PROMOTED = 2  # hits in small that lead to main
_TURNS = 3


class _Queue(OrderedDict[K, int]):
    """Sizes by key, oldest first, and their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.used = 0

    def push(self, key: K, size: int) -> None:
        self[key] = size
        self.used += size

    def take(self, key: K) -> int:
        size = self.pop(key)
        self.used -= size
        return size

    def forget(self, key: K) -> bool:
        """Whether `key` was there; it is not any more."""
        if key not in self:
            return False
        self.take(key)
        return True

    def oldest(self) -> tuple[K, int]:
        key, size = self.popitem(last=False)
        self.used -= size
        return key, size


class S3Fifo(Generic[K]):
    """A hit is one addition. `budget` is the memory's, in bytes."""

    def __init__(self, budget: int) -> None:
        self._small_share = int(budget * 0.1)
        self._main_share = budget - self._small_share
        self._ghost_share = int(budget * 0.9)
        self._small: _Queue[K] = _Queue()
        self._main: _Queue[K] = _Queue()
        self._ghost: _Queue[K] = _Queue()
        self._hits: dict[K, int] = {}
        self._filling = True
        self._returning: K | None = None

    def add(self, key: K, size: int) -> None:
        self._hits[key] = 0
        known = key == self._returning or self._ghost.forget(key)
        crowded = self._filling and self._small.used >= self._small_share
        (self._main if known or crowded else self._small).push(key, size)
        self._returning = None

    def hit(self, key: K) -> None:
        self._hits[key] += 1

    def evict(self, newcomer: K, size: int) -> tuple[K]:
        self._filling = False
        if self._ghost.forget(newcomer):  # now, before those who leave can push its name out
            self._returning = newcomer
        while True:
            if self._main.used > self._main_share or not self._small:
                return (self._evict_main(),)
            # Once on it, small goes on until one has left, even when main is over its share by then.
            while self._small:
                key, size = self._small.oldest()
                if self._hits[key] < _PROMOTED:
                    self._remember(key, size)
                    del self._hits[key]
                    return (key,)
                self._hits[key] = 0
                self._main.push(key, size)

    def remove(self, key: K) -> None:
        del self._hits[key]
        (self._small if key in self._small else self._main).take(key)

    def _evict_main(self) -> K:
        while True:
            key, size = self._main.oldest()
            hits = self._hits[key]
            if not hits:
                del self._hits[key]
                return key
            self._hits[key] = min(hits, _TURNS) - 1
            self._main.push(key, size)

    def _remember(self, key: K, size: int) -> None:
        if size > self._ghost_share:
            return
        while self._ghost.used + size > self._ghost_share:
            self._ghost.oldest()
        self._ghost.push(key, size)
