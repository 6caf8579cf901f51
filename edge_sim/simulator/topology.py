"""Where a request is answered: in an edge's memory, on its disk, in the shield behind all edges, or by the origin.

    listener ── edge memory ── edge disk ── shield ── origin
                └──── one of each a region ────┘  one for all

What comes from below is kept in every tier it passes. A tier sees only what those before it missed, so each can be replayed
by itself: memories first, then disks, then the shield with what all regions missed, in the order of time. The edges of a
region share its objects by consistent hashing, so that they are one cache, as large as all together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.edge.objects import OVERHEAD
from edge_sim.policies import policy
from edge_sim.simulator.requests import WARMING, Ints, Requests
from edge_sim.simulator.tier import Tier

TIERS = ("memory", "disk", "shield", "origin")
MEMORY, DISK, SHIELD, ORIGIN = range(4)
_PIECE = 1 << 14  # requests at once: the numbers of more would not stay in the processor's caches


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes: of the memory and the disk of each region, and of the one shield; a tier of 0 bytes is not there."""

    memory: int
    disk: int
    shield: int

    def divided(self, by: int) -> Sizes:
        return Sizes(self.memory // by, self.disk // by, self.shield // by)


class Topology:
    """All tiers of all regions, empty. `name` is the policy of each."""

    def __init__(self, regions: int, sizes: Sizes, name: str) -> None:
        self._sizes = sizes
        self._name = name
        self.memories: list[Tier] = []
        self.disks: list[Tier] = []
        self.shield = tier(sizes.shield, name)
        self.reach(regions)

    def reach(self, regions: int) -> None:
        """Have so many regions."""
        while len(self.memories) < regions:
            self.memories.append(tier(self._sizes.memory, self._name))
            self.disks.append(tier(self._sizes.disk, self._name))

    def feed(self, requests: Requests) -> Ints:
        """Where each request is answered, as an index into `TIERS`."""
        answered = numpy.full(len(requests), ORIGIN)
        missed = []
        for region, (memory, disk) in enumerate(zip(self.memories, self.disks, strict=True)):
            asked = numpy.flatnonzero(requests.regions == region)
            for level, each in ((MEMORY, memory), (DISK, disk)):
                asked = _ask(each, level, requests, asked, answered)
            missed.append(asked)
        _ask(self.shield, SHIELD, requests, numpy.sort(numpy.concatenate(missed)), answered)
        return answered


def tier(budget: int, name: str) -> Tier:
    """A tier that keeps what the edge would (`edge_sim.edge`): objects of at most a quarter of it."""
    return Tier(budget, policy(name, budget), largest=budget // 4, overhead=OVERHEAD)


def _ask(each: Tier, level: int, requests: Requests, asked: Ints, answered: Ints) -> Ints:
    """Ask one tier; who was missed goes on."""
    if not each.budget:
        return asked
    left = [asked[:0]]
    for start in range(0, len(asked), _PIECE):
        some = asked[start : start + _PIECE]
        used = requests.streams[some] != WARMING
        uses = None if used.all() else used.tolist()
        hits = each.feed(requests.keys[some].tolist(), requests.sizes[some].tolist(), uses)
        answered[some[hits]] = level
        left.append(some[~hits])
    return numpy.concatenate(left)
