"""The edge's time: Unix time in ms, as a parameter of everything that waits, expires or rests."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]


def unix_ms() -> int:
    return time.time_ns() // 1_000_000
