"""Who comes when: an open loop, drawn before the first one comes. Nobody waits until the servers have time.

At the beginning the room is as full as it will be. Those who are there came earlier: they are in the middle of a song, and since sessions are geometric, they
have as many songs before them as anybody. They enter over the first moments, not all in one. After that listeners come at random (Poisson), as many as leave;
with a time of the day, as many more or fewer as the commuters' curve of their region says (`edge_sim.simulator.listeners.intensity`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.crowd.settings import Place, Settings
from edge_sim.simulator.listeners import intensity

RAMP_MS = 30_000
_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Arrival:
    """`due_ms` after the beginning; `place` is the region's index; who `resumes` begins in the middle of a song."""

    due_ms: int
    place: int
    resumes: bool


def arrivals(settings: Settings, session_ms: int) -> list[Arrival]:
    """In order of time, where sessions last `session_ms` of real time on average."""
    random = numpy.random.default_rng([settings.seed, 0xA221])
    whole = settings.milliseconds
    ramp = max(1, min(RAMP_MS, whole // 6))
    total = sum(place.share for place in settings.places)
    found: list[Arrival] = []
    for index, place in enumerate(settings.places):
        crowd = settings.listeners * place.share / total
        there = round(crowd * level(place, settings, 0))
        found += [Arrival(int(due), index, True) for due in random.integers(0, ramp, there)]
        seconds = -(-whole // 1000)
        for second in range(seconds):
            rate = crowd * level(place, settings, second * 1000) / max(session_ms, 1) * 1000
            coming = second * 1000 + random.integers(0, 1000, random.poisson(rate))
            found += [Arrival(int(due), index, False) for due in coming if due < whole]
    return sorted(found, key=lambda arrival: arrival.due_ms)


def level(place: Place, settings: Settings, at_ms: int) -> float:
    """How many listen, against the day's average."""
    if settings.begin_minute is None:
        return 1.0
    minute = settings.begin_minute + at_ms * settings.speed // 60_000
    return float(intensity(place.offset)[minute % _MINUTES]) * _MINUTES
