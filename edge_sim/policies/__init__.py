"""Cache policies, one a file: which object goes when memory is full.

A policy keeps the order of keys and nothing else; bytes and objects belong to `edge_sim.cache.MemoryCache`. To add
one, write a class with these four methods in a file of its own, named after it, with the paper it comes from.
"""

from __future__ import annotations

from typing import Protocol


class Policy(Protocol):
    """Keys come in by `add`, are used by `hit`, and leave by `evict` or `remove`; each is in or out, never twice in."""

    def add(self, key: str, size: int) -> None:
        """A new key, of `size` bytes."""

    def hit(self, key: str) -> None:
        """A key that is in was asked for."""

    def evict(self) -> str:
        """Take the key that is to go out, and name it. Never called when nothing is in."""

    def remove(self, key: str) -> None:
        """A key that is in goes for another reason: replaced, or gone from the origin."""
