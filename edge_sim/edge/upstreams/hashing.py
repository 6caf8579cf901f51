"""Which server of several has an object: rendezvous hashing.

D. G. Thaler, C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking 6(1),
1998. Each server draws a number for the path, and the servers stand in the order of their numbers. All edges come to the same
order without talking to each other, a new server takes its share evenly from the others, and when one is away its objects
go to whoever is second for each of them: the order is the plan for fail-over as well.

It costs a hash for each server, which is why rings exist; a tier of ours has a handful, and is asked on a miss only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

S = TypeVar("S")


def order(path: str, servers: Sequence[S]) -> list[S]:
    """`servers`, the one that has `path` first. They are told apart by their `str`, which must not be the same for two."""
    return sorted(servers, key=lambda server: _draw(path, str(server)), reverse=True)


def _draw(path: str, server: str) -> tuple[bytes, str]:
    return hashlib.blake2b(f"{server}\0{path}".encode(), digest_size=8).digest(), server
