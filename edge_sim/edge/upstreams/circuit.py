"""When a server is left alone: a circuit that failures open, and that one request after a growing pause may close.

    closed ──FAILURES in a row──▶ open ──pause──▶ half-open ──success──▶ closed
                                   ▲                 │
                                   └────failure──────┘  the pause doubles

What opens it are answers to real requests, and checks (`upstreams/checks.py`). A check that goes well ends the pause early, and no more: a
server may well say that it lives and still not serve. Only a real answer closes the circuit.
"""

from __future__ import annotations

from typing import Literal

FAILURES = 5
FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 30_000

State = Literal["closed", "open", "half-open"]


class Circuit:
    """Every method is told the time, in ms."""

    def __init__(self) -> None:
        self._failures = 0  # in a row
        self._until_ms = 0
        self._pause_ms = 0  # 0: closed
        self._probing = False

    def state(self, now_ms: int) -> State:
        if not self._pause_ms:
            return "closed"
        # A clock that was put back must not make the pause longer than it is.
        return "open" if 0 < self._until_ms - now_ms <= self._pause_ms else "half-open"

    def ready(self, now_ms: int) -> bool:
        """Whether a request may go there; of a half-open circuit only one at a time."""
        state = self.state(now_ms)
        return state == "closed" or (state == "half-open" and not self._probing)

    def begin(self) -> None:
        """A request goes there. One of the next three follows."""
        self._probing = bool(self._pause_ms)

    def succeeded(self) -> None:
        self._failures = self._pause_ms = 0
        self._probing = False

    def failed(self, now_ms: int) -> None:
        self._failures += 1
        self._probing = False
        if self.state(now_ms) == "open":
            return  # it began before the circuit opened, and tells nothing new
        if self._pause_ms or self._failures >= FAILURES:
            self._pause_ms = min(max(FIRST_PAUSE_MS, 2 * self._pause_ms), LONGEST_PAUSE_MS)
            self._until_ms = now_ms + self._pause_ms

    def abandoned(self) -> None:
        """Nobody waited for the answer, or it says nothing of the server: nothing is known."""
        self._probing = False

    def revive(self, now_ms: int) -> None:
        """A check went well: the next request may try."""
        self._until_ms = min(self._until_ms, now_ms)
