"""A day does not begin with empty caches: what was asked for most is in, and the most popular came last.

A disk of a region takes weeks to fill, which nobody wants to simulate; full of the right songs, every policy
settles within an hour of the day. Songs are taken whole, in each rendition as often as it is heard.
"""

from __future__ import annotations

import numpy

from edge_sim.simulator import songs
from edge_sim.simulator.listeners import RENDITION_SHARES
from edge_sim.simulator.requests import Floats, Ints, Keys
from edge_sim.simulator.synthetic import Sample
from edge_sim.simulator.tier import Tier
from edge_sim.simulator.topology import Topology


def prime(topology: Topology, sample: Sample) -> None:
    """Fill every tier of `topology` with the songs of `sample` that its listeners play most."""
    for region, (memory, disk) in enumerate(zip(topology.memories, topology.disks, strict=True)):
        fill(memory, sample, sample.rates[:, region])
        fill(disk, sample, sample.rates[:, region])
    fill(topology.shield, sample, sample.rates.sum(axis=1))


def fill(tier: Tier, sample: Sample, rates: Floats) -> None:
    """`rates` say how often each song of `sample` is played."""
    names, sizes = _objects(sample.ranks, rates, tier.budget)
    tier.feed(names.tolist(), sizes.tolist())


def _objects(ranks: Ints, rates: Floats, budget: int) -> tuple[Keys, Ints]:
    """The objects of the most popular songs that `budget` bytes have room for, the most popular last."""
    seconds = songs.lengths(ranks)
    popular = (rates[:, None] * RENDITION_SHARES).ravel()
    weight = (seconds[:, None] * songs.BITRATES // 8).ravel()
    order = numpy.argsort(-popular, kind="stable")
    fitting = order[: int(numpy.searchsorted(numpy.cumsum(weight[order]), budget))][::-1]
    row, rendition = numpy.divmod(fitting, len(RENDITION_SHARES))
    plans = songs.plans()
    count = plans.segments(seconds[row])
    stream = numpy.repeat(numpy.arange(len(row)), count)
    number = numpy.arange(len(stream)) - (numpy.cumsum(count) - count)[stream]
    names = songs.keys(ranks[row][stream], rendition[stream], number + songs.SEGMENTS)
    return names, songs.sizes(names, plans.durations[plans.first[seconds[row]][stream] + number])
