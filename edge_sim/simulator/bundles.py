"""Start bundles (`media.start_bundle`): which of them have the media in them, and what edges are then not asked for.

The media come from the memory of the API's process, or from the store where that answers while the API waits for it. Else the bundle is words alone, and
initialisation and first segment come from the tiers, one round trip later.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy

from edge_sim.simulator import songs
from edge_sim.simulator.listeners import DAY_MS, RENDITION_SHARES
from edge_sim.simulator.popularity import Popularity
from edge_sim.simulator.requests import Flags, Floats, Ints, Requests
from edge_sim.simulator.synthetic import Day, Sample, World
from media.start_bundle import WORDS

PATIENCE_MS = 10.0  # how long the API waits for the store when all else is ready
# A start begins with `normal`, or with `low` for those who never get more.
_RENDITIONS = numpy.array([RENDITION_SHARES[0], RENDITION_SHARES[songs.START :].sum()])
_BYTES = 9_000.0  # of header and first segment, about
_STEPS = 40
_CELLS = 2000  # of neighbouring ranks, which are as good as alike


@dataclass(frozen=True, slots=True)
class Bundles:
    """Columns, one row a stream: first bytes were in memory, came along at all; how many there are; ms that the API waited for the store.

    `share` of all streams find theirs in memory. It is exact, where the sample has one of thousands of the most popular songs.
    """

    kept: Flags
    whole: Flags
    media: Ints
    waited: Floats
    share: float

    @property
    def bytes(self) -> Ints:
        """What went out."""
        return WORDS + self.whole * self.media

    def sent(self, expected: float) -> Floats:
        """Of `expected` bundles: all, with first bytes out of memory, and with any; bytes of them, and bytes read from the store for them."""
        kept = expected * self.share
        whole = expected if self.whole.all() else kept
        usual = float(self.media.mean()) if len(self.media) else 0.0
        return numpy.array(
            [expected, kept, whole, expected * WORDS + whole * usual, (expected - kept) * usual]
        )


def bundled(day: Day, kept: Flags, share: float, store_ms: float) -> tuple[Requests, Bundles]:
    """The requests of `day` where starts ask for bundles. Nobody waits for the presentation of a bundle that is whole."""
    requests, count = day.requests, len(kept)
    waits = requests.streams >= 0
    stream = numpy.where(waits, requests.streams, 0)
    whole = kept | (store_ms <= PATIENCE_MS)
    media = waits & (songs.number(requests.keys) != songs.PRESENTATION)
    size = numpy.bincount(stream[media], requests.sizes[media], minlength=count).astype(numpy.int64)
    held = waits & whole[stream]
    left = replace(requests, streams=numpy.where(held, -1, requests.streams)).take(~(held & media))
    waited = numpy.where(kept, 0.0, min(store_ms, PATIENCE_MS))
    return left, Bundles(kept, whole, size, waited, share)


def remembered(world: World, day: Day, sample: Sample, memory: int, *, seed: int) -> tuple[Flags, float]:
    """Which streams' first bytes are in the memory of the API's process that is asked, and the share of all streams whose are.

    A sample of such a memory would hold less than a song, so nothing is replayed. For a cache that lets go what was not asked for longest,
    H. Che, Y. Tung and Z. Wang ("Hierarchical Web Caching Systems: Modeling, Design and Experimental Results", IEEE JSAC 20(7), 2002)
    have a formula: what was asked for within the last T is in, and with this T what is in of the whole catalogue fills the memory:

        Σ size · (1 - exp(-rate · T)) = memory

    Where n processes of a region share its listeners, each sees an n-th of the rate, and T is n times as long: n drops out.
    """
    shares = world.shares.tolist()
    found = [_kept(world, share, memory / _BYTES) for share in shares]
    kept_ms = numpy.array([time for time, _ in found])
    row = numpy.searchsorted(sample.ranks, day.streams.song)
    region, rendition = day.streams.region, numpy.minimum(day.streams.rendition, songs.START)
    rate = sample.rates[row, region] * _RENDITIONS[rendition] / DAY_MS
    there = -numpy.expm1(-rate * kept_ms[region])
    flags = numpy.asarray(numpy.random.default_rng(seed).random(len(row)) < there)
    return flags, sum(share * hits for share, (_, hits) in zip(shares, found, strict=True))


def _kept(world: World, share: float, objects: float) -> tuple[float, float]:
    """T, in ms, for a memory of so many objects, and its hits, in a region of this share: songs have their home there or elsewhere."""
    edges = numpy.unique(numpy.geomspace(1, world.catalogue + 1, _CELLS).astype(numpy.int64)) - 1
    ranks = numpy.maximum((numpy.sqrt((edges[:-1] + 1.0) * edges[1:])).astype(numpy.int64) - 1, edges[:-1])
    plays = Popularity(world.catalogue).shares(ranks)[:, None, None] * world.streams / DAY_MS
    away = (1 - world.taste) * share
    rates = plays * _RENDITIONS * numpy.array([[away], [away + world.taste]])
    count = numpy.diff(edges)[:, None, None] * numpy.array([[1 - share], [share]]) * numpy.ones(2)
    low, high = 0.0, 60.0  # of T's logarithm; that of a year is 24
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if float((count * -numpy.expm1(-rates * numpy.exp(middle))).sum()) < objects:
            low = middle
        else:
            high = middle
    time = float(numpy.exp(low))
    asked = count * rates
    return time, float((asked * -numpy.expm1(-rates * time)).sum() / asked.sum())
