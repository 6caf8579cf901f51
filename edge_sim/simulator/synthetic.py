"""A day of a streaming service, made up: no public trace of one is to be had, so the shape is the design's.

A sample holds some songs with all their streams, as in `edge_sim.simulator.hashing`. Each song has a home where half of its streams come
from, besides what falls there anyway; a thousandth of the songs comes out that day, and is played from then on, most at first.
Every stream asks for the presentation and, when that is there, for the initialisation and the first segment at once; then for
segments ahead of the ear, up to `BUFFER_MS`, so that whoever skips has loaded in vain. All of it follows from the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from edge_sim.simulator import listeners, songs
from edge_sim.simulator.hashing import mix
from edge_sim.simulator.listeners import DAY_MS, Region
from edge_sim.simulator.popularity import Popularity
from edge_sim.simulator.requests import Flags, Floats, Ints, Requests, joined
from edge_sim.simulator.warming import Streams, Warming, warmed

BUFFER_MS = 30_000
SONGS_PER_SESSION = 10  # over one connection
_PIECE = 10_000  # streams: what is computed of more at once would not stay in the processor's caches
_RELEASES = 1000  # one song of so many comes out today


@dataclass(frozen=True, slots=True)
class World:
    """`catalogue` songs, `streams` a day; `taste` is the part of a song's streams that its home has to itself."""

    catalogue: int
    streams: int
    regions: Sequence[Region] = listeners.REGIONS
    taste: float = 0.5
    seed: int = 1

    @property
    def shares(self) -> Floats:
        """Each region's share of the listeners; they add up to 1."""
        shares = numpy.array([region.share for region in self.regions])
        return numpy.asarray(shares / shares.sum(), numpy.float64)


@dataclass(frozen=True, slots=True)
class Sample:
    """Songs by rank, and how many streams each is expected to have in each region: an array of songs × regions."""

    ranks: Ints
    rates: Floats


def sample(world: World, of: int, count: int) -> list[Sample]:
    """`count` samples that share no song, each of one song in `of`.

    Every `of` songs that follow one another in popularity give one to each sample; a hash says which. Songs of neighbouring ranks are
    alike, so that samples differ far less than by hashing alone (which is what traces get).
    """
    strata = numpy.arange(-(-world.catalogue // of))
    start = (mix(strata.astype(numpy.uint64) ^ numpy.uint64(world.seed)) % numpy.uint64(of)).astype(
        numpy.int64
    )
    samples = []
    for number in range(count):
        ranks = strata * of + (start + number * (of // count)) % of
        samples.append(_rated(world, ranks[ranks < world.catalogue]))
    return samples


def _rated(world: World, ranks: Ints) -> Sample:
    each = Popularity(world.catalogue).shares(ranks) * world.streams
    draw = (mix(ranks.astype(numpy.uint64) ^ numpy.uint64(0x40E)) >> numpy.uint64(11)).astype(numpy.float64)
    home = numpy.searchsorted(numpy.cumsum(world.shares), draw / 2**53, side="right")
    home = numpy.minimum(home, len(world.regions) - 1)
    weights = numpy.tile((1 - world.taste) * world.shares, (len(ranks), 1))
    weights[numpy.arange(len(ranks)), home] += world.taste
    return Sample(ranks, each[:, None] * weights)


@dataclass(frozen=True, slots=True)
class Day:
    """All requests of a day for a sample's songs, and the streams that made them."""

    requests: Requests
    streams: Streams


def with_warming(world: World, chosen: Sample, drawn: Day, warming: Warming) -> Requests:
    """The requests of `drawn`, and what edges add to them."""
    new, out = released(chosen.ranks)
    return warmed(drawn.requests, drawn.streams, warming, chosen.ranks[new], out[new], len(world.regions))


def day(world: World, chosen: Sample, *, seed: int) -> Day:
    """Draw the streams of a sample, and all that they ask for."""
    random = numpy.random.default_rng([world.seed, seed])
    counts = random.poisson(chosen.rates)
    row, region = numpy.divmod(numpy.repeat(numpy.arange(counts.size), counts.ravel()), len(world.regions))
    times = _moments(world, random, chosen.ranks[row], region)
    seconds = songs.lengths(chosen.ranks)[row]
    heard = listeners.listened(random, seconds)
    rendition = listeners.renditions(random, len(row))
    cold = random.random(len(row)) * SONGS_PER_SESSION < 1
    requests = _requests(chosen.ranks[row], region, times, seconds, heard, rendition)
    streams = Streams(chosen.ranks[row], region, times, seconds, rendition, cold)
    return Day(requests, streams)


def released(ranks: Ints) -> tuple[Flags, Ints]:
    """Which songs come out today, and at what ms of the day each would."""
    mixed = mix(ranks.astype(numpy.uint64) ^ numpy.uint64(0x2E1E))
    new = numpy.asarray(mixed % numpy.uint64(_RELEASES) == 0)
    return new, (mixed // numpy.uint64(_RELEASES) % numpy.uint64(24)).astype(numpy.int64) * 3_600_000


def _moments(world: World, random: numpy.random.Generator, ranks: Ints, regions: Ints) -> Ints:
    times = numpy.empty(len(ranks), numpy.int64)
    for index, region in enumerate(world.regions):
        inside = regions == index
        times[inside] = listeners.moments(random, int(inside.sum()), region.offset)
    new, out = released(ranks)
    later = out + ((DAY_MS - out) * random.random(len(ranks)) ** 2).astype(numpy.int64)
    return numpy.where(new, later, times)


def _requests(song: Ints, region: Ints, time: Ints, seconds: Ints, heard: Ints, rendition: Ints) -> Requests:
    """Presentation, initialisation and segments of every stream, in the order of time."""
    columns = (song, region, time, seconds, heard, rendition)
    parts = [
        _asked(start, *(column[start : start + _PIECE] for column in columns))
        for start in range(0, max(len(song), 1), _PIECE)
    ]
    together = joined(parts)
    return together.take(numpy.argsort(together.times, kind="stable"))


def _asked(
    before: int, song: Ints, region: Ints, time: Ints, seconds: Ints, heard: Ints, rendition: Ints
) -> Requests:
    """Of streams behind `before` others, one after the other."""
    plans = songs.plans()
    segments = plans.count(seconds, numpy.maximum(heard + BUFFER_MS, 1))
    per_stream = segments + songs.SEGMENTS
    stream = numpy.repeat(numpy.arange(len(song)), per_stream)
    begin = numpy.cumsum(per_stream) - per_stream
    number = numpy.arange(len(stream)) - begin[stream]
    piece = plans.first[seconds][stream] + numpy.maximum(number - songs.SEGMENTS, 0)
    ahead = numpy.maximum(plans.starts[piece] - BUFFER_MS, 0)
    early = number <= songs.SEGMENTS  # what the start waits for
    quality = numpy.where(early, numpy.minimum(rendition, songs.START)[stream], rendition[stream])
    quality = numpy.where(number == songs.PRESENTATION, 0, quality)
    names = songs.keys(song[stream], quality, number)
    when = time[stream] + ahead + numpy.minimum(number, songs.SEGMENTS)
    return Requests(
        when,
        names,
        songs.sizes(names, plans.durations[piece]),
        region[stream],
        numpy.where(early, stream + before, -1),
    )
