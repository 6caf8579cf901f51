"""How much may be asked twice: a dying tier must not be hammered by those who try again.

A tenth of the requests may be, and one in a second besides, so that a quiet edge can as well; what is saved up is limited. With every
server of a tier failing, the tier behind it hears at most that much more than it would have heard anyway.
"""

from __future__ import annotations

from edge_sim.edge.clock import Clock

_COST = 10  # of a retry; a request earns 1
_MOST = 10 * _COST
_EARNED_MS = 1_000 // _COST  # time that earns 1


class RetryBudget:
    """`clock` in ms."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._saved = _MOST
        self._since_ms = clock()

    def earn(self) -> None:
        """A request was made for the first time."""
        self._saved = min(_MOST, self._saved + 1)

    def spend(self) -> bool:
        """Whether one may be made again."""
        now_ms = self._clock()
        self._since_ms = min(self._since_ms, now_ms)  # a clock that was put back
        earned = (now_ms - self._since_ms) // _EARNED_MS
        self._since_ms += earned * _EARNED_MS
        self._saved = min(_MOST, self._saved + earned)
        if self._saved < _COST:
            return False
        self._saved -= _COST
        return True
