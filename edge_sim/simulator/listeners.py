"""When, where and how long people listen.

    local hour   0   4    8    12   16  18   20   24
    streams      ▂   ▁   ███   ▃▃   ▃  ███   ▄    ▂       commuter peaks: three times the level between them

A quarter of the streams is skipped within ten seconds, half of them before the end: the shape that P. Lamere published of
Spotify's listeners ("The Skip", Music Machinery, 2014). Songs of a session follow one another on one connection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.simulator.requests import Floats, Ints

DAY_MS = 86_400_000
_MINUTES = 1440
RENDITION_SHARES = numpy.array([0.08, 0.27, 0.45, 0.20])  # low, normal, high, very_high


@dataclass(frozen=True, slots=True)
class Region:
    """`share` of all listeners; `offset` of its clocks from UTC, in hours."""

    name: str
    share: float
    offset: int = 0


REGIONS = (
    Region("eu-west", 0.26, 1),
    Region("us-east", 0.24, -5),
    Region("sa-east", 0.19, -3),
    Region("us-west", 0.11, -8),
    Region("ap-south", 0.12, 5),
    Region("ap-east", 0.08, 9),
)


def intensity(offset: int) -> Floats:
    """The share of a day's streams in each minute of the day in UTC, where clocks are `offset` hours ahead."""
    local = (numpy.arange(_MINUTES) / 60 + offset) % 24
    waking = 0.25 + 0.75 / (1 + numpy.exp(-(local - 6.5) * 2)) / (1 + numpy.exp((local - 22.5) * 2))
    peaks = sum(2 * numpy.exp(-(((local - hour) / width) ** 2)) for hour, width in ((8, 0.9), (18, 1.2)))
    level = waking + waking * peaks
    return numpy.asarray(level / level.sum(), numpy.float64)


def moments(random: numpy.random.Generator, count: int, offset: int) -> Ints:
    """So many moments of a day, in ms."""
    minutes = random.choice(_MINUTES, count, p=intensity(offset))
    return numpy.asarray(minutes * 60_000 + random.integers(0, 60_000, count), numpy.int64)


def listened(random: numpy.random.Generator, seconds: Ints) -> Ints:
    """How many ms of songs of so many seconds are heard."""
    kind = random.random(len(seconds))
    place = random.random(len(seconds))
    whole = seconds * 1000
    heard = numpy.select(
        [kind < 0.25, kind < 0.35, kind < 0.49],
        [place * 10_000, 10_000 + place * 20_000, 30_000 + place * (whole - 30_000)],
        whole,
    )
    return numpy.asarray(numpy.minimum(heard, whole), numpy.int64)


def renditions(random: numpy.random.Generator, count: int) -> Ints:
    """Which rendition so many streams are heard in."""
    return random.choice(len(RENDITION_SHARES), count, p=RENDITION_SHARES).astype(numpy.int64)
