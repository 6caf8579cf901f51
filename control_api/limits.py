"""Token buckets in memory: how often a caller may try what costs us or tempts guessing.

A bucket holds up to `burst` tries and regains one every `refill_ms`. Only buckets that are not full are kept, and of
those the most recent `most`: somebody with many addresses costs memory for that many, not more. One process knows
only its own; where several serve, each grants the burst.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from media.errors import ApiError


class Buckets:
    """One kind of try, with a bucket a key. `clock` gives milliseconds and never goes back."""

    def __init__(self, burst: int, refill_ms: int, clock: Callable[[], int], most: int = 20_000) -> None:
        self.burst = burst
        self.refill_ms = refill_ms
        self.clock = clock
        self.most = most
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one try, or raise `ApiError` 429 with Retry-After."""
        now = self.clock()
        # A bucket is one number: when it will be full again. Each try moves that one refill later.
        full_at = max(self._full_at.get(key, now), now) + self.refill_ms
        wait = full_at - now - self.burst * self.refill_ms
        if wait > 0:
            raise ApiError(
                429,
                "too-many-tries",
                "too many tries; wait a little",
                headers={"Retry-After": str(math.ceil(wait / 1000))},
            )
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        while self._full_at and (len(self._full_at) > self.most or next(iter(self._full_at.values())) <= now):
            self._full_at.popitem(last=False)
