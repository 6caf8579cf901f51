"""One direction of a link: packets wait for the rate, then travel for the delay. No clock of its own: the caller brings the time."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Queue:
    """Times in ns. A packet of n bytes occupies the sender for n · 8 / rate, and arrives `delay_ns` after its last bit left.

    `limit` bytes may wait or be on their way out; a packet that does not fit is dropped (drop-tail). Chance takes packets before
    they wait. Order is kept, also under jitter.
    """

    delay_ns: int
    kbits: int
    limit: int
    loss: float = 0.0
    jitter_ns: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311  no secret
    carried: int = 0
    lost: int = 0
    dropped: int = 0
    _free_ns: int = 0  # when the sender is through with all that it has taken
    _travelling: deque[tuple[int, bytes]] = field(default_factory=deque)

    def put(self, now: int, packet: bytes) -> None:
        """A packet comes at `now`, no earlier than the one before it."""
        if self.loss and self.random.random() < self.loss:
            self.lost += 1
            return
        waiting_ns = max(0, self._free_ns - now)
        if waiting_ns * self.kbits + len(packet) * 8_000_000 > self.limit * 8_000_000:
            self.dropped += 1
            return
        self._free_ns = now + waiting_ns + len(packet) * 8_000_000 // self.kbits
        due = self._free_ns + self.delay_ns
        if self.jitter_ns:
            due += self.random.randrange(self.jitter_ns)
        if self._travelling:
            due = max(due, self._travelling[-1][0])
        self._travelling.append((due, packet))
        self.carried += 1

    @property
    def due(self) -> int | None:
        """When the next packet arrives."""
        return self._travelling[0][0] if self._travelling else None

    def take(self, now: int) -> list[bytes]:
        """What has arrived by `now`, in order."""
        arrived = []
        while self._travelling and self._travelling[0][0] <= now:
            arrived.append(self._travelling.popleft()[1])
        return arrived
