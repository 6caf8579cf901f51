"""Which songs are played most, in little memory: SpaceSaving.

A. Metwally, D. Agrawal, A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005. Of *k* counters, a song that
has none takes the smallest over, with its count: no song that makes up more than 1/k of all streams is ever left out, and none is counted too low.

What was popular fades: `fade` halves everything.
"""

from __future__ import annotations

import heapq
from collections import Counter


class Popular:
    """`size` is k."""

    def __init__(self, size: int = 1024) -> None:
        self._size = size
        self._counts: dict[str, int] = {}
        # Counts as they were when last looked at: an entry that is too low is put back with the true count.
        self._least: list[tuple[int, str]] = []

    def add(self, song: str, streams: int = 1) -> None:
        if song in self._counts:
            self._counts[song] += streams
            return
        smallest = self._take_least() if len(self._counts) >= self._size else 0
        self._counts[song] = smallest + streams
        heapq.heappush(self._least, (smallest + streams, song))

    def top(self, most: int) -> list[tuple[str, int]]:
        """Songs and their streams, at most too high by one k-th of all; the most played first."""
        return Counter(self._counts).most_common(most)

    def fade(self) -> None:
        self._counts = {song: count // 2 for song, count in self._counts.items() if count > 1}
        self._least = [(count, song) for song, count in self._counts.items()]
        heapq.heapify(self._least)

    def _take_least(self) -> int:
        while True:
            count, song = heapq.heappop(self._least)
            true = self._counts[song]
            if true == count:
                del self._counts[song]
                return count
            heapq.heappush(self._least, (true, song))
