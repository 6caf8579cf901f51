"""What a simulation is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge_sim.policies import DEFAULT, NAMES
from edge_sim.simulator.measured import Measured
from edge_sim.simulator.start_time import Network
from edge_sim.simulator.topology import Sizes
from edge_sim.simulator.warming import Warming


@dataclass(frozen=True, slots=True)
class Prices:
    """In US dollars: list prices of the large clouds in 2026, rounded; whoever has a contract has others."""

    edge_gb: float = 0.01  # sent to listeners
    shield_gb: float = 0.01  # from the shield to edges
    origin_gb: float = 0.05  # from the store to the shield
    origin_million: float = 0.4  # requests to the store
    memory_gb_month: float = 2.0
    disk_gb_month: float = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """One object of `sample` is simulated, in `replicas` samples that share none; `sizes` are those of the whole.

    `start` is one of `edge_sim.simulator.options.MODELS`, and `first_bytes` what each process of the API remembers for it.
    """

    sizes: Sizes
    policy: str = DEFAULT
    sample: int = 1000
    replicas: int = 4
    curves: tuple[str, ...] = NAMES
    primed: bool = True
    network: Network = field(default_factory=Network)
    measured: Measured | None = None  # where the tiers' times in `network` are from
    start: str = "bundle"
    first_bytes: int = 256 << 20
    prices: Prices = field(default_factory=Prices)
    warming: Warming = field(default_factory=Warming)
    seed: int = 1

    @property
    def slices(self) -> int:
        """How many slices the objects are divided into; each replica takes one."""
        return self.sample * self.replicas
