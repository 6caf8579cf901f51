"""What edges fetch before anybody asks, as requests that nobody waits for: they fill tiers, count as no use of what is there, and as no listener's request.

Each part is a shadow of `edge_sim.edge.warming`, as far as a day that is drawn beforehand can have one:

    next song   a player that goes on to another song says so ten seconds before: its presentation, initialisation and first segment
    segments    who begins a song loads half a minute of it at once; the edge fetches so many segments more behind that
    velocity    a song that so many people of a region began within ten minutes is fetched whole there, once
    releases    the first half minute of what comes out today, in all renditions, is in every region five minutes before

A song's streams are all in the sample or none, so that velocity is that of the whole world.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.simulator import songs
from edge_sim.simulator.requests import WARMING, Ints, Requests, joined

_NEXT_MS = 10_000
_VELOCITY_MS = 600_000
_RELEASE_MS = 300_000
_HALF_A_MINUTE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Warming:
    """0 and ``False`` are off: segments behind what was loaded, streams within ten minutes, and the two that have no number."""

    next_song: bool = False
    segments: int = 0
    velocity: int = 0
    releases: bool = False

    def __bool__(self) -> bool:
        return bool(self.next_song or self.segments or self.velocity or self.releases)


@dataclass(frozen=True, slots=True)
class Streams:
    """A day's streams as columns: song, region, moment in ms, the song's length in seconds, rendition, whether it opens a connection."""

    song: Ints
    region: Ints
    time: Ints
    seconds: Ints
    rendition: Ints
    cold: numpy.typing.NDArray[numpy.bool_]


def warmed(
    requests: Requests, streams: Streams, chosen: Warming, new: Ints, out: Ints, regions: int
) -> Requests:
    """`requests` with what `chosen` adds, in the order of time. `new` are songs that come out at `out` ms of the day."""
    parts = [requests]
    if chosen.next_song:
        parts.append(_next_songs(streams))
    if chosen.segments:
        parts.append(_segments(streams, chosen.segments))
    if chosen.velocity:
        parts.append(_rising(streams, chosen.velocity))
    if chosen.releases:
        parts.append(_releases(new, out, regions))
    together = joined(parts)
    # Of one moment, what edges fetch comes first: next songs are fetched because of what was asked before.
    return together.take(numpy.argsort(together.times, kind="stable"))


def _next_songs(streams: Streams) -> Requests:
    going_on = numpy.flatnonzero(~streams.cold)
    which = numpy.repeat(going_on, songs.SEGMENTS + 1)
    number = numpy.tile(numpy.arange(songs.SEGMENTS + 1), len(going_on))
    quality = numpy.minimum(streams.rendition[which], songs.START)
    return _wishes(
        streams.song[which],
        streams.seconds[which],
        numpy.where(number == songs.PRESENTATION, 0, quality),
        number,
        streams.time[which] - _NEXT_MS,
        streams.region[which],
    )


def _segments(streams: Streams, count: int) -> Requests:
    plans = songs.plans()
    begun = numpy.full(len(streams.song), _HALF_A_MINUTE_MS)
    first = plans.count(streams.seconds, begun)
    which = numpy.repeat(numpy.arange(len(streams.song)), count)
    place = first[which] + numpy.tile(numpy.arange(count), len(streams.song))
    there = place < plans.segments(streams.seconds)[which]
    which, place = which[there], place[there]
    return _wishes(
        streams.song[which],
        streams.seconds[which],
        streams.rendition[which],
        place + songs.SEGMENTS,
        streams.time[which] + songs.SEGMENTS + 1,
        streams.region[which],
    )


def _rising(streams: Streams, enough: int) -> Requests:
    """The stream that is the `enough`-th of its song and region within the time has the song fetched, in its own rendition."""
    order = numpy.lexsort((streams.time, streams.region, streams.song))
    last, first = order[enough - 1 :], order[: len(order) - enough + 1]
    same = (streams.song[last] == streams.song[first]) & (streams.region[last] == streams.region[first])
    rising = last[same & (streams.time[last] - streams.time[first] <= _VELOCITY_MS)]
    place = numpy.stack([streams.song[rising], streams.region[rising]])
    _, once = numpy.unique(place, axis=1, return_index=True)
    which = rising[once]
    return _whole(
        streams.song[which], streams.rendition[which], streams.time[which], streams.region[which], None
    )


def _releases(new: Ints, out: Ints, regions: int) -> Requests:
    each = regions * len(songs.BITRATES)
    song, when = numpy.repeat(new, each), numpy.repeat(out - _RELEASE_MS, each)
    kind = numpy.tile(numpy.arange(each), len(new))
    return _whole(song, kind % len(songs.BITRATES), when, kind // len(songs.BITRATES), _HALF_A_MINUTE_MS)


def _whole(song: Ints, rendition: Ints, time: Ints, region: Ints, until_ms: int | None) -> Requests:
    """Presentation, initialisation and the segments that begin before `until_ms`, or all."""
    plans, seconds = songs.plans(), songs.lengths(song)
    if until_ms is None:
        counts = plans.segments(seconds)
    else:
        counts = plans.count(seconds, numpy.full(len(song), until_ms))
    counts = counts + songs.SEGMENTS
    which = numpy.repeat(numpy.arange(len(song)), counts)
    number = numpy.arange(len(which)) - (numpy.cumsum(counts) - counts)[which]
    quality = numpy.where(number == songs.PRESENTATION, 0, rendition[which])
    return _wishes(song[which], seconds[which], quality, number, time[which], region[which])


def _wishes(song: Ints, seconds: Ints, rendition: Ints, number: Ints, time: Ints, region: Ints) -> Requests:
    plans = songs.plans()
    piece = plans.first[seconds] + numpy.maximum(number - songs.SEGMENTS, 0)
    names = songs.keys(song, rendition, number)
    nobody = numpy.full(len(names), WARMING)
    return Requests(numpy.maximum(time, 0), names, songs.sizes(names, plans.durations[piece]), region, nobody)
