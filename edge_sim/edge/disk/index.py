"""What lies on the disk, by size: a budget of bytes, and a policy that says who leaves."""

from __future__ import annotations

from collections.abc import Iterator

from edge_sim.policies import Policy


class Index:
    """Files by key. `used` and what is promised to files that are being written never exceed `budget`, all in bytes."""

    def __init__(self, budget: int, policy: Policy[str]) -> None:
        self.budget = budget
        self.used = 0
        self._promised = 0
        self._policy = policy
        self._files: dict[str, tuple[int, int]] = {}  # size, and when what is in it was born

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, key: str) -> bool:
        return key in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def hit(self, key: str) -> None:
        if key in self._files:
            self._policy.hit(key)

    def born_ms(self, key: str) -> int:
        """0 when it is not there."""
        return self._files.get(key, (0, 0))[1]

    def promise(self, key: str, size: int) -> tuple[bool, list[str]]:
        """Whether `key` can be written, and who had to leave for it. If it can, `release` comes when it is, or never will be."""
        gone: list[str] = []
        while self.used + self._promised + size > self.budget:
            leaving = self._policy.evict(key, size) if self._files else ()
            if not leaving:
                return False, gone
            gone += leaving
            self.used -= sum(self._files.pop(each)[0] for each in leaving)
        self._promised += size
        return True, gone

    def release(self, size: int) -> None:
        self._promised -= size

    def add(self, key: str, size: int, born_ms: int) -> None:
        """The file of `key` is there, in the place of what was."""
        self.remove(key)
        self._policy.add(key, size)
        self._files[key] = size, born_ms
        self.used += size

    def remove(self, key: str) -> None:
        """No error when it is not there."""
        if key in self._files:
            self._policy.remove(key)
            self.used -= self._files.pop(key)[0]
