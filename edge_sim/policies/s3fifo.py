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


class S3Fifo(Generic[K]):
    """A hit is one addition. `budget` is the memory's, in bytes."""

    # Three queues of sizes by key, oldest first, and the sum of each beside it. A queue of its own class with these in it would be nicer to
    # read; but then OrderedDict takes its slow way for heirs, and a miss is a third dearer.

    def __init__(self, budget: int) -> None:
        self._small_share = int(budget * 0.1)
        self._main_share = budget - self._small_share
        self._ghost_share = int(budget * 0.9)
        self._small: OrderedDict[K, int] = OrderedDict()
        self._main: OrderedDict[K, int] = OrderedDict()
        self._ghost: OrderedDict[K, int] = OrderedDict()
        self._small_used = self._main_used = self._ghost_used = 0
        self._hits: dict[K, int] = {}
        self._filling = True
        self._returning: K | None = None

    def add(self, key: K, size: int) -> None:
        self._hits[key] = 0
        known = key == self._returning or self._forgotten(key)
        if known or (self._filling and self._small_used >= self._small_share):
            self._main[key] = size
            self._main_used += size
        else:
            self._small[key] = size
            self._small_used += size
        self._returning = None

    def hit(self, key: K) -> None:
        self._hits[key] += 1

    def evict(self, newcomer: K, size: int) -> tuple[K]:
        self._filling = False
        if self._forgotten(newcomer):  # now, before those who leave can push its name out
            self._returning = newcomer
        small, hits = self._small, self._hits
        while True:
            if self._main_used > self._main_share or not small:
                return (self._evict_main(),)
            # Once on it, small goes on until one has left, even when main is over its share by then.
            while small:
                key, size = small.popitem(last=False)
                self._small_used -= size
                if hits[key] < _PROMOTED:
                    self._remember(key, size)
                    del hits[key]
                    return (key,)
                hits[key] = 0
                self._main[key] = size
                self._main_used += size

    def remove(self, key: K) -> None:
        del self._hits[key]
        if key in self._small:
            self._small_used -= self._small.pop(key)
        else:
            self._main_used -= self._main.pop(key)

    def _evict_main(self) -> K:
        main, hits = self._main, self._hits
        while True:
            key = next(iter(main))
            turns = hits[key]
            if not turns:
                self._main_used -= main.pop(key)
                del hits[key]
                return key
            hits[key] = min(turns, _TURNS) - 1
            main.move_to_end(key)

    def _forgotten(self, key: K) -> bool:
        """Whether `key` was in the ghost; it is not any more."""
        if key not in self._ghost:
            return False
        self._ghost_used -= self._ghost.pop(key)
        return True

    def _remember(self, key: K, size: int) -> None:
        if size > self._ghost_share:
            return
        ghost = self._ghost
        while self._ghost_used + size > self._ghost_share:
            self._ghost_used -= ghost.popitem(last=False)[1]
        ghost[key] = size
        self._ghost_used += size
