"""One sample through all tiers: what it asked for, who answered, and how long starts took.

Samples hold equally many songs, but not streams: whether one of the few songs that everybody plays is among them decides how
many there are. Those are in every memory, so what is missing, or too much, against the expected number is counted as hits of the first
tier (the correction that the authors of SHARDS call *adj*). Without it the share of misses would be off by tens of per cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy

from edge_sim.simulator import curves, start_time
from edge_sim.simulator.begun import Begun
from edge_sim.simulator.bundles import Bundles, bundled, remembered
from edge_sim.simulator.hashing import slices
from edge_sim.simulator.priming import prime
from edge_sim.simulator.requests import ANYWHERE, BUNDLE, WARMING, Floats, Ints, Requests, Source, joined
from edge_sim.simulator.settings import Settings
from edge_sim.simulator.synthetic import Day, Sample, World, day, with_warming
from edge_sim.simulator.tally import Tally
from edge_sim.simulator.topology import MEMORY, ORIGIN, Topology

_THINNER = 12  # curves take one song of so many
_MANY = 400_000  # requests of a region from which on they do


@dataclass(frozen=True, slots=True)
class Replica:
    """`requests` and `bytes`: regions × tiers × times; `starts`: the histogram of `start_time`; both with the correction.

    `curves` has misses and missed bytes by policy and factor, and `asked` the requests and bytes that they are of. `ahead` has the
    requests and bytes that edges made of themselves (2 × regions × tiers × times, of a day), and `without` is the same day when they make none.
    `bundles`: start bundles in all, with first bytes out of memory, with any; bytes of them, and bytes read from the store for them; of a trace, the third alone. `names`: a trace's regions.
    """

    requests: Floats
    bytes: Floats
    starts: Floats
    width_ms: int
    simulated: int
    curves: dict[str, Floats] = field(default_factory=dict)
    asked: Floats = field(default_factory=lambda: numpy.zeros(2))
    ahead: Floats = field(default_factory=lambda: numpy.zeros(0))
    without: Replica | None = None
    bundles: Floats = field(default_factory=lambda: numpy.zeros(5))
    names: tuple[str, ...] = ()


def of_world(world: World, settings: Settings, sample: Sample, number: int) -> Replica:
    """A day of the songs of `sample`, the replica of this number."""
    drawn, bundles = drawn_day(world, settings, sample, number)
    plain = _replayed(world, settings, sample, drawn, bundles, number)
    if not settings.warming:
        return plain
    requests = with_warming(world, sample, drawn, settings.warming)
    warm = _replayed(
        world, replace(settings, curves=()), sample, replace(drawn, requests=requests), bundles, number
    )
    return replace(warm, curves=plain.curves, asked=plain.asked, without=plain)


def drawn_day(world: World, settings: Settings, sample: Sample, number: int) -> tuple[Day, Bundles | None]:
    """What edges are asked for, and what start bundles spared them."""
    drawn = day(world, sample, seed=number)
    if settings.start != "bundle":
        return drawn, None
    kept, share = remembered(world, drawn, sample, settings.first_bytes, seed=number)
    requests, bundles = bundled(drawn, kept, share, settings.network.tiers[ORIGIN])
    return replace(drawn, requests=requests), bundles


def _replayed(
    world: World, settings: Settings, sample: Sample, drawn: Day, bundles: Bundles | None, number: int
) -> Replica:
    topology = Topology(len(world.regions), settings.sizes.divided(settings.slices), settings.policy)
    if settings.primed:
        prime(topology, sample)
    answered = topology.feed(drawn.requests)
    tally, ahead = (Tally(len(world.regions), width_ms=900_000, wrap=True) for _ in range(2))
    warming = drawn.requests.streams == WARMING
    tally.add(drawn.requests.take(~warming), answered[~warming], 0)
    ahead.add(drawn.requests.take(warming), answered[warming], 0)
    expected = world.streams / settings.slices * world.shares
    streams = numpy.bincount(drawn.streams.region, minlength=len(world.regions))
    _correct(tally, expected / numpy.maximum(streams, 1))
    starts = _starts(settings, drawn, bundles, answered, number, expected.sum())
    largest = int(numpy.argmax(world.shares))
    points, asked = _curves(settings, drawn, sample, number, largest, expected[largest])
    made = numpy.stack([ahead.requests, ahead.bytes])
    simulated = int((~warming).sum())
    sent = bundles.sent(expected.sum()) if bundles else numpy.zeros(5)
    return Replica(
        tally.requests, tally.bytes, starts, tally.width_ms, simulated, points, asked, made, bundles=sent
    )


def of_trace(source: Source, settings: Settings, number: int) -> Replica:
    """The objects of one slice of a trace; its curves are those of the largest region's whole slice."""
    topology = Topology(1, settings.sizes.divided(settings.slices), settings.policy)
    tally = Tally(1, width_ms=1000, wrap=False)
    begun = Begun(settings, number)
    kept: list[Requests] = []
    seen, begin = 0, None
    names: tuple[str, ...] = (ANYWHERE,)
    for batch in source():
        begin = int(batch.times[0]) if begin is None else begin
        seen += int((batch.streams != BUNDLE).sum())
        names = batch.names
        topology.reach(len(names))
        tally.have(len(names))
        tally.reach(int(batch.times[-1]) - begin)
        if settings.slices > 1:
            batch = batch.take(slices(batch.keys, settings.slices, settings.seed) == numpy.uint64(number))
        begun.add_bundles(batch.sizes[batch.streams == BUNDLE])
        batch = batch.take(batch.streams != BUNDLE)
        answered = topology.feed(batch)
        tally.add(batch, answered, begin)
        begun.add_segments(batch, answered)
        if settings.curves:
            kept.append(batch)
    simulated = int(tally.requests.sum())
    factor = seen / settings.slices / max(simulated, 1)
    largest = int(numpy.argmax(tally.requests.sum(axis=(1, 2))))
    _correct(tally, numpy.array([factor]))
    points: dict[str, Floats] = {}
    asked = numpy.zeros(2)
    if kept:
        whole = joined(kept)
        whole = whole.take(whole.regions == largest)
        asked = numpy.array([len(whole), whole.sizes.sum()]) * factor
        budget = settings.sizes.memory // settings.slices
        for name in settings.curves:
            points[name] = numpy.array(curves.curve(name, budget, whole, None, 0), float)
    return Replica(
        tally.requests,
        tally.bytes,
        begun.counts,
        tally.width_ms,
        simulated,
        points,
        asked,
        bundles=numpy.array([0.0, 0.0, begun.whole, 0.0, 0.0]),
        names=names,
    )


def together(replicas: Sequence[Replica]) -> Replica:
    """All of them as one; those of a trace have the same times, because each reads all of it."""
    first = replicas[0]
    return Replica(
        numpy.sum([each.requests for each in replicas], axis=0),
        numpy.sum([each.bytes for each in replicas], axis=0),
        numpy.sum([each.starts for each in replicas], axis=0),
        first.width_ms,
        sum(each.simulated for each in replicas),
        {name: numpy.sum([each.curves[name] for each in replicas], axis=0) for name in first.curves},
        numpy.sum([each.asked for each in replicas], axis=0),
        numpy.sum([each.ahead for each in replicas], axis=0),
        bundles=numpy.sum([each.bundles for each in replicas], axis=0),
    )


def _correct(tally: Tally, factors: Floats) -> None:
    """`factors` say for each region how many times as many requests there should have been."""
    for counts in (tally.requests, tally.bytes):
        more = counts.sum(axis=1) * (factors - 1)[:, None]
        counts[:, MEMORY] = numpy.maximum(counts[:, MEMORY] + more, 0)


def _starts(
    settings: Settings, drawn: Day, bundles: Bundles | None, answered: Ints, number: int, expected: float
) -> Floats:
    times = start_time.starts(
        settings.network,
        settings.start,
        drawn.requests,
        answered,
        drawn.streams.cold,
        bundles,
        seed=settings.seed * 1000 + number,
    )
    if bundles is not None:
        return _mixed(times, bundles, expected)
    counts = start_time.histogram(times).astype(float)
    waiting = drawn.requests.streams >= 0
    slowest = numpy.zeros(len(times), numpy.int64)
    numpy.maximum.at(slowest, drawn.requests.streams[waiting], answered[waiting])
    best = start_time.histogram(times[slowest == MEMORY]).astype(float)
    if best.any():
        counts = numpy.maximum(counts + (expected - len(times)) * best / best.sum(), 0)
    return counts


def _mixed(times: Floats, bundles: Bundles, expected: float) -> Floats:
    """As many starts of each kind as there should have been: with first bytes out of memory, and without."""
    counts = numpy.zeros(len(start_time.EDGES_MS) - 1)
    for which, share in ((bundles.kept, bundles.share), (~bundles.kept, 1 - bundles.share)):
        if which.any():
            counts += expected * share * start_time.histogram(times[which]) / which.sum()
    return counts


def _curves(
    settings: Settings, drawn: Day, sample: Sample, number: int, region: int, expected: float
) -> tuple[dict[str, Floats], Floats]:
    if not settings.curves:
        return {}, numpy.zeros(2)
    requests = drawn.requests.take(drawn.requests.regions == region)
    asked = numpy.array([len(requests), requests.sizes.sum()], float)
    asked *= expected / max((drawn.streams.region == region).sum(), 1)
    by = _THINNER if len(requests) > _MANY else 1
    budget = settings.sizes.memory // settings.slices // by
    if by > 1:
        requests, sample = curves.thinned(requests, sample, by, 5 * number)
    primed = sample if settings.primed else None
    points = {
        name: numpy.array(curves.curve(name, budget, requests, primed, region), float) * by
        for name in settings.curves
    }
    return points, asked
