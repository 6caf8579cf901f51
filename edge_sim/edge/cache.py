"""The memory of the edge: a budget of bytes, and a policy that says who leaves."""

from __future__ import annotations

from collections.abc import Callable

from edge_sim.edge.objects import Entry
from edge_sim.policies import Policy


class MemoryCache:
    """Entries by path. `used` never exceeds `budget`, both in bytes; `evictions` counts who had to leave.

    `gone` hears of every path whose entry leaves, or is replaced.
    """

    def __init__(self, budget: int, policy: Policy[str]) -> None:
        self.budget = budget
        self.used = 0
        self.evictions = 0
        self.gone: Callable[[str], None] = _nobody
        self._policy = policy
        self._entries: dict[str, Entry] = {}
        self._pinned: dict[str, int] = {}  # path → size; the policy knows nothing of them
        self._pinned_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, path: str) -> Entry | None:
        entry = self._entries.get(path)
        if entry is not None and path not in self._pinned:
            self._policy.hit(path)
        return entry

    def peek(self, path: str) -> Entry | None:
        """What is there, without using it."""
        return self._entries.get(path)

    def put(self, path: str, entry: Entry) -> bool:
        """Keep `entry`, in the place of what was there; ``False`` when it is larger than the whole budget, or refused."""
        self.remove(path)
        if entry.size > self.budget:
            return False
        while self.used + entry.size > self.budget:
            if len(self._pinned) == len(self._entries):
                return False
            gone = self._policy.evict(path, entry.size)
            if not gone:
                return False
            self.used -= sum(self._entries.pop(each).size for each in gone)
            self.evictions += len(gone)
            for each in gone:
                self.gone(each)
        self._entries[path] = entry
        self._policy.add(path, entry.size)
        self.used += entry.size
        return True

    def pin(self, path: str) -> bool:
        """From now on `path` makes no room for others; ``False`` when it is not there, or a tenth of the budget is pinned."""
        entry = self._entries.get(path)
        if entry is None or path in self._pinned:
            return entry is not None
        if self._pinned_bytes + entry.size > self.budget // 10:
            return False
        self._policy.remove(path)
        self._pinned[path] = entry.size
        self._pinned_bytes += entry.size
        return True

    def unpin(self, path: str) -> None:
        """`path`, if it is pinned, counts as newly come."""
        if self._unpinned(path):
            self._policy.add(path, self._entries[path].size)

    def _unpinned(self, path: str) -> bool:
        size = self._pinned.pop(path, None)
        self._pinned_bytes -= size or 0
        return size is not None

    def paths(self) -> list[str]:
        """What is there, in no order."""
        return list(self._entries)

    def remove(self, path: str) -> None:
        """Forget `path`; no error when it is not there."""
        entry = self._entries.pop(path, None)
        if entry is not None:
            if not self._unpinned(path):
                self._policy.remove(path)
            self.used -= entry.size
            self.gone(path)


def _nobody(path: str) -> None:
    """Nobody listens."""
