"""One cache of the simulation: names and sizes instead of objects, and otherwise what the edge's memory does.

`tests/edge_sim/simulator/test_against_the_edge.py` sends the same requests to a real edge and gets the same hits.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat

import numpy

from edge_sim.policies import Policy
from edge_sim.simulator.requests import Flags


class Tier:
    """A budget of bytes and a policy, as `edge_sim.edge.cache.MemoryCache`; what is larger than `largest` bytes is not kept.

    Each object takes `overhead` bytes besides its own.
    """

    def __init__(self, budget: int, policy: Policy[int], *, largest: int, overhead: int = 0) -> None:
        self.budget = budget
        self.used = 0
        self._policy = policy
        self._largest = min(largest, budget - overhead)
        self._overhead = overhead
        self._sizes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._sizes)

    def feed(self, keys: Iterable[int], sizes: Iterable[int], uses: Iterable[bool] | None = None) -> Flags:
        """Ask for one after the other, keep what was missed; which of them were hits, an array as long as `keys`.

        A key that is in keeps the size that it came with. Where `uses` has ``False``, finding it is no use of it: warming looks, and leaves no trace.
        """
        inside, policy = self._sizes, self._policy
        hit, evict, add = policy.hit, policy.evict, policy.add
        used, budget, largest, overhead = self.used, self.budget, self._largest, self._overhead
        hits = bytearray()
        note = hits.append
        # In one piece: ten million times a call is seconds.
        for key, size, use in zip(keys, sizes, repeat(True) if uses is None else uses, strict=False):
            if key in inside:
                if use:
                    hit(key)
                note(1)
                continue
            note(0)
            if size > largest:
                continue
            size += overhead
            while used + size > budget:
                gone = evict(key, size)
                if not gone:
                    break
                for each in gone:
                    used -= inside.pop(each)
            else:
                add(key, size)
                inside[key] = size
                used += size
        self.used = used
        return numpy.frombuffer(hits, numpy.bool_)
