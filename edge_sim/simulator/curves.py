"""Miss-ratio curves: what the memory of the largest region would miss, at several sizes, under each policy.

Each point is a replay of its own. They take a part of the songs once more (a sample of the sample), and sizes in proportion.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy

from edge_sim.simulator import songs
from edge_sim.simulator.priming import fill
from edge_sim.simulator.requests import Requests
from edge_sim.simulator.synthetic import Sample
from edge_sim.simulator.topology import tier

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # of the memory that is simulated
Counts: TypeAlias = list[tuple[int, int]]  # missed requests and bytes, one for each factor


def curve(name: str, budget: int, requests: Requests, sample: Sample | None, region: int) -> Counts:
    """`requests` of one region against memories of `FACTORS` times `budget` bytes; primed, where there is a `sample`."""
    keys, sizes = requests.keys.tolist(), requests.sizes.tolist()
    points = []
    for factor in FACTORS:
        size = int(budget * factor)
        memory = tier(size, name)
        if sample is not None:
            fill(memory, sample, sample.rates[:, region])
        missed = ~memory.feed(keys, sizes)
        points.append((int(missed.sum()), int(requests.sizes[missed].sum())))
    return points


def thinned(requests: Requests, sample: Sample, by: int, offset: int) -> tuple[Requests, Sample]:
    """One song of `by` that follow one another in popularity, and its requests."""
    kept = slice(offset % by, None, by)
    ranks = sample.ranks[kept]
    inside = numpy.isin(songs.song(requests.keys), ranks)
    return requests.take(inside), Sample(ranks, sample.rates[kept])
