"""What a crowd is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge_sim.links.network import Network


@dataclass(frozen=True, slots=True)
class Place:
    """A region: `url` is its edge, `share` its part of the listeners, `offset` of its clocks from UTC in hours."""

    name: str
    url: str
    share: float = 1.0
    offset: int = 0
    networks: tuple[
        tuple[str, Network, float], ...
    ] = ()  # name, network, share of the listeners; none: loopback as it is


@dataclass(frozen=True, slots=True)
class Targets:
    """What the numbers are held against: the 95th percentile of start times, shares of music time and of starts."""

    start_ms: int = 200
    rebuffering: float = 0.005
    failed: float = 0.001


@dataclass(frozen=True, slots=True)
class Settings:
    """`listeners` at a time on average, for `seconds`. `begin_minute` is the minute of the day (UTC) to begin with; without one every minute is alike."""

    places: tuple[Place, ...]
    listeners: int
    seconds: int
    abr: str = "throughput"
    clients: Mapping[str, float] = field(default_factory=lambda: {"bundle": 0.6, "hls": 0.3, "dash": 0.1})
    speed: int = 1
    begin_minute: int | None = None
    decode: float = 0.05
    goal_ms: int = 30_000
    targets: Targets = field(default_factory=Targets)
    seed: int = 1
    apart: bool = True  # each listener comes from a loopback address of its own

    @property
    def milliseconds(self) -> int:
        return self.seconds * 1000
