"""Songs that rise: streams in a minute, for each song that is played.

The rate is a sliding window made of two counters: what this minute has brought, and of the last one the share that a window of a minute still
covers. It lags by seconds, not by minutes, and cannot be fooled by the turn of the minute.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from edge_sim.edge.clock import Clock

_MINUTE_MS = 60_000
_MOST = 1 << 14  # songs


@dataclass(slots=True)
class _Window:
    minute: int
    now: int = 0
    before: int = 0


class Velocity:
    """`clock` in ms."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._songs: OrderedDict[str, _Window] = OrderedDict()

    def stream(self, song: str) -> int:
        """Count one, and say how many a minute that makes."""
        minute, into_ms = divmod(self._clock(), _MINUTE_MS)
        window = self._songs.pop(song, None) or _Window(minute)
        if window.minute != minute:
            before = window.now if minute == window.minute + 1 else 0
            window = _Window(minute, 0, before)
        window.now += 1
        self._songs[song] = window
        if len(self._songs) > _MOST:
            self._songs.popitem(last=False)
        return window.now + window.before * (_MINUTE_MS - into_ms) // _MINUTE_MS
