"""Cache policies, one a file: which object goes when memory is full.

A policy keeps the order of keys and nothing else; bytes and objects belong to `edge_sim.edge.cache.MemoryCache`, or to
`edge_sim.simulator.tier.Tier`, which has sizes only. To add one, write a class with these four methods in a file of its
own, named after it, with the paper it comes from, and name it in `NAMES` and `policy`.

Each one has the miss counts of libCacheSim, an independent simulator in C, on the same requests
(`tests/edge_sim/policies/test_against_libcachesim.py`).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol, TypeVar

K = TypeVar("K", bound=Hashable)
NAMES = ("s3fifo", "sieve", "lru", "tinylfu", "gdsf")
DEFAULT = "s3fifo"  # docs/decisions/0015-the-simulator.md says why
TYPICAL = 16 << 10  # bytes: a segment at 32 kbit/s; most are larger, and counters to spare do no harm


class Policy(Protocol[K]):
    """Keys come in by `add`, are used by `hit`, and leave by `evict` or `remove`; each is in or out, never twice in."""

    def add(self, key: K, size: int) -> None:
        """A new key, of `size` bytes."""

    def hit(self, key: K) -> None:
        """A key that is in was asked for."""

    def evict(self, newcomer: K, size: int) -> Sequence[K]:
        """Take out who must go for `newcomer` of `size` bytes; called again while that is not enough, and then comes `add`.

        Nobody, when the newcomer is not worth it: it stays outside. Never called when nothing is in.
        """

    def remove(self, key: K) -> None:
        """A key that is in goes for another reason: replaced, or gone from the origin."""


def policy(name: str, budget: int) -> Policy[K]:
    """A new policy of one of the `NAMES`, for a memory of `budget` bytes. `ValueError` for another name."""
    match name:
        case "s3fifo":
            from edge_sim.policies.s3fifo import S3Fifo

            return S3Fifo(budget)
        case "sieve":
            from edge_sim.policies.sieve import Sieve

            return Sieve()
        case "lru":
            from edge_sim.policies.lru import Lru

            return Lru()
        case "tinylfu":
            from edge_sim.policies.tinylfu import TinyLfu

            return TinyLfu(budget, typical=TYPICAL)
        case "gdsf":
            from edge_sim.policies.gdsf import Gdsf

            return Gdsf()
    raise ValueError(f"{name}: no such policy")
