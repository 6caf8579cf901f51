"""What came of warming: how many objects were fetched, how many of them somebody then asked for, how many left unused.

An object is *useful* at its first use, and *wasted* when it is gone from the cache before that, or when this table forgets it. What is neither yet still
may become either. Nothing is counted on a second use, so hot objects cost nothing here.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Literal

Cause = Literal["segments", "next-song", "velocity", "popular", "ordered"]
CAUSES: tuple[Cause, ...] = ("segments", "next-song", "velocity", "popular", "ordered")
OUTCOMES = ("fetched", "useful", "wasted")
_MOST = 1 << 16


class Ledger:
    """`kept` says whether the cache still has a path, without counting as a use."""

    def __init__(self, kept: Callable[[str], bool]) -> None:
        self._kept = kept
        self._waiting: OrderedDict[str, Cause] = OrderedDict()
        self.counts: Counter[tuple[Cause, str]] = Counter()

    def fetched(self, path: str, cause: Cause) -> None:
        self.counts[cause, "fetched"] += 1
        self._waiting[path] = cause
        while self._waiting:
            oldest, why = next(iter(self._waiting.items()))
            if len(self._waiting) <= _MOST and self._kept(oldest):
                break
            del self._waiting[oldest]
            self.counts[why, "wasted"] += 1

    def used(self, path: str) -> bool:
        """Whether this is the first use of something that was warmed."""
        cause = self._waiting.pop(path, None)
        if cause is not None:
            self.counts[cause, "useful"] += 1
        return cause is not None

    def sweep(self) -> None:
        """Count what is gone by now as wasted: before the counts are told, and once for all of them."""
        for path in [path for path in self._waiting if not self._kept(path)]:
            self.counts[self._waiting.pop(path), "wasted"] += 1

    def count(self, cause: Cause, outcome: str) -> int:
        """One of the `OUTCOMES` as of the last `sweep`."""
        return self.counts[cause, outcome]
