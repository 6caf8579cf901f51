"""The numbers of a simulation, for people and machines: one JSON document, which the report draws and `--compare` reads.

Each ratio comes with its standard error, from the spread of the replicas: ``{"value": 0.93, "error": 0.002}``. A single replica says
nothing about its error, which is then ``null``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from math import sqrt
from typing import Any

import numpy

from edge_sim.simulator import start_time
from edge_sim.simulator.curves import FACTORS
from edge_sim.simulator.replica import Replica, together
from edge_sim.simulator.requests import Floats
from edge_sim.simulator.settings import Settings
from edge_sim.simulator.synthetic import World
from edge_sim.simulator.tally import BINS
from edge_sim.simulator.topology import MEMORY, ORIGIN, SHIELD, TIERS
from edge_sim.simulator.warming import Warming

FORMAT = 2
_GB = 1e9
_DAYS = 30  # of a month
_QUANTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))


class Outcome:
    """`document` is the whole of it; `world` is ``None`` for a trace."""

    def __init__(
        self, settings: Settings, replicas: Sequence[Replica], regions: Sequence[str], world: World | None
    ) -> None:
        self._settings = settings
        self._replicas = replicas
        self._regions = regions
        self._factor = settings.slices / len(replicas)  # from what was simulated to the whole
        self._together = together(replicas)
        self._requests = self._together.requests * self._factor
        self._bytes = self._together.bytes * self._factor
        self._ahead: Floats = self._together.ahead * self._factor
        self._width_ms = self._together.width_ms
        self.document = self._document(world)

    def _document(self, world: World | None) -> dict[str, Any]:
        settings = self._settings
        document: dict[str, Any] = {
            "format": FORMAT,
            "policy": settings.policy,
            "tiers": {
                "memory": settings.sizes.memory,
                "disk": settings.sizes.disk,
                "shield": settings.sizes.shield,
            },
            "sampling": {
                "one_of": settings.sample,
                "replicas": settings.replicas,
                "simulated_requests": sum(each.simulated for each in self._replicas),
                "requests": round(float(self._requests.sum())),
                "bytes": round(float(self._bytes.sum())),
            },
        }
        if world is not None:
            document["world"] = {
                "catalogue": world.catalogue,
                "streams_per_day": world.streams,
                "regions": {
                    region.name: share
                    for region, share in zip(world.regions, world.shares.tolist(), strict=True)
                },
                "seed": world.seed,
            }
        every = slice(None)
        document["all"] = self._place(every)
        document["regions"] = {name: self._place(slice(at, at + 1)) for at, name in enumerate(self._regions)}
        document["origin"] = self._origin()
        if world is not None:
            document["cost"] = self._cost(len(world.regions))
        if world is not None or self._together.starts.any():
            document["network"] = asdict(settings.network)
            if settings.measured is not None:
                document["measured"] = asdict(settings.measured)
            document["start"] = self._start() if world is not None else self._begun()
            document["start_ms"] = self._starts()
        if world is not None and settings.warming:
            document["warming"] = self._warming(world)
        document["over_time"] = self._over_time()
        document["curves"] = self._curves()
        return document

    def _place(self, where: slice) -> dict[str, Any]:
        """A region, or all: what each tier answered of all requests (`share`) and of those that reached it (`hit_ratio`)."""
        result: dict[str, Any] = {
            "requests": round(float(self._requests[where].sum())),
            "bytes": round(float(self._bytes[where].sum())),
            "tiers": {},
        }
        for tier, name in enumerate(TIERS[:ORIGIN]):
            result["tiers"][name] = {
                "share": self._value(partial(_share, where, tier, tier + 1)),
                "byte_share": self._value(partial(_byte_share, where, tier, tier + 1)),
                "hit_ratio": self._value(partial(_hit_ratio, where, tier)),
                "byte_hit_ratio": self._value(partial(_byte_hit_ratio, where, tier)),
            }
        result["edge"] = {
            "hit_ratio": self._value(partial(_share, where, MEMORY, SHIELD)),
            "byte_hit_ratio": self._value(partial(_byte_share, where, MEMORY, SHIELD)),
        }
        result["origin"] = {
            "share": self._value(partial(_share, where, ORIGIN, ORIGIN + 1)),
            "byte_share": self._value(partial(_byte_share, where, ORIGIN, ORIGIN + 1)),
        }
        return result

    def _value(self, measure: Callable[[Replica], float]) -> dict[str, float | None]:
        return {"value": round(measure(self._together), 6), "error": self._error(measure)}

    def _error(self, measure: Callable[[Replica], float]) -> float | None:
        """The standard error of the mean of the replicas."""
        values = [measure(each) for each in self._replicas]
        return round(float(numpy.std(values, ddof=1)) / sqrt(len(values)), 6) if len(values) > 1 else None

    def _origin(self) -> dict[str, Any]:
        """What leaves it, for listeners and for warming."""
        flow = self._bytes[:, ORIGIN].sum(axis=0)
        requests = float(self._requests[:, ORIGIN].sum())
        if self._ahead.size:
            flow = flow + self._ahead[1, :, ORIGIN].sum(axis=0)
            requests += float(self._ahead[0, :, ORIGIN].sum())
        return {
            "requests": round(requests),
            "bytes": round(float(flow.sum())),
            "peak_bits_per_s": round(float(flow.max()) * 8000 / self._width_ms),
        }

    def _warming(self, world: World) -> dict[str, Any]:
        """What edges fetched ahead, and what the day would have been without; `fetched` is what none of the region's own tiers had."""
        fetched = self._ahead[:, :, SHIELD:].sum(axis=(1, 2, 3))
        plain = [each.without for each in self._replicas if each.without is not None]
        settings = replace(self._settings, warming=Warming(), curves=())
        without = Outcome(settings, plain, self._regions, world).document
        return {
            **asdict(self._settings.warming),
            "fetched": {"requests": round(float(fetched[0])), "bytes": round(float(fetched[1]))},
            "without": {
                "edge": without["all"]["edge"],
                "origin": without["origin"],
                "start_ms": {name: without["start_ms"][name] for name, _ in _QUANTILES},
                "dollars_per_day": without["cost"]["dollars_per_day"]["total"],
            },
        }

    def _cost(self, regions: int) -> dict[str, Any]:
        """Dollars a day."""
        prices, sizes = self._settings.prices, self._settings.sizes
        sent = self._bytes.sum(axis=(0, 2)) / _GB
        moved = sent + self._ahead[1].sum(axis=(0, 2)) / _GB  # between tiers, warming counts, too
        requests = self._origin()["requests"]
        count, kept, _, bundle_bytes, read = (self._together.bundles * self._factor).tolist()
        # First bytes are two reads: a header and a segment.
        bundles = (bundle_bytes * prices.edge_gb + read * prices.origin_gb) / _GB
        bundles += 2 * (count - kept) / 1e6 * prices.origin_million
        parts = {
            "edge": float(sent.sum()) * prices.edge_gb,
            "shield": float(moved[SHIELD] + moved[ORIGIN]) * prices.shield_gb,
            "origin": float(moved[ORIGIN]) * prices.origin_gb,
            "origin_requests": requests / 1e6 * prices.origin_million,
            "bundles": bundles,
            "memory": regions * sizes.memory / _GB * prices.memory_gb_month / _DAYS,
            "disk": (regions * sizes.disk + sizes.shield) / _GB * prices.disk_gb_month / _DAYS,
        }
        rounded = {name: round(value, 2) for name, value in parts.items()}
        return {
            "prices": asdict(prices),
            "dollars_per_day": rounded | {"total": round(sum(parts.values()), 2)},
        }

    def _start(self) -> dict[str, Any]:
        """How players begin; of bundles, how many had media in them, and what they are to API and store."""
        result: dict[str, Any] = {"model": self._settings.start}
        if self._settings.start == "bundle":
            count, kept, whole, sent, read = (self._together.bundles * self._factor).tolist()
            result["bundles"] = {
                "count": round(count),
                "bytes": round(sent),
                "in_memory": round(kept / count, 6),
                "with_media": round(whole / count, 6),
                "store_bytes": round(read),
            }
        return result

    def _begun(self) -> dict[str, Any]:
        """What a trace has of starts."""
        count, whole = float(self._together.starts.sum()), float(self._together.bundles[2])
        return {
            "model": "walk" if self._settings.start == "walk" else "presentation",
            "trace": {
                "bundles": round(whole * self._factor),
                "first_segments": round((count - whole) * self._factor),
            },
        }

    def _starts(self) -> dict[str, Any]:
        whole = self._together.starts
        points = numpy.cumsum(whole) / max(float(whole.sum()), 1)
        used = numpy.flatnonzero((points > 0.0005) & (points < 0.9999))
        result: dict[str, Any] = {name: self._value(partial(_start, share)) for name, share in _QUANTILES}
        edges = start_time.EDGES_MS[1:]
        result["cdf"] = [[round(float(edges[at]), 1), round(float(points[at]), 5)] for at in used]
        return result

    def _over_time(self) -> dict[str, Any]:
        filled = numpy.flatnonzero(self._requests.sum(axis=(0, 1)))
        count = int(filled[-1]) + 1 if len(filled) else 0
        return {
            "width_ms": self._width_ms,
            "requests": _rounded(self._requests.sum(axis=(0, 1))[:count], 0),
            "tiers": {
                name: _rounded(
                    _ratio(self._requests[:, tier].sum(axis=0), self._requests.sum(axis=(0, 1)))[:count]
                )
                for tier, name in enumerate(TIERS)
            },
            "edge_by_region": {
                name: _rounded(
                    _ratio(self._requests[at, :SHIELD].sum(axis=0), self._requests[at].sum(axis=0))[:count]
                )
                for at, name in enumerate(self._regions)
            },
        }

    def _curves(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name in self._settings.curves:
            result[name] = [
                {
                    "bytes": round(self._settings.sizes.memory * factor),
                    "miss_ratio": round(_missed(name, at, 0, self._together), 6),
                    "byte_miss_ratio": round(_missed(name, at, 1, self._together), 6),
                    "error": self._error(partial(_missed, name, at, 0)),
                }
                for at, factor in enumerate(FACTORS)
            ]
        return result


def _share(where: slice, first: int, last: int, of: Replica) -> float:
    """What tiers from `first` to before `last` answered of all requests."""
    return _part(of.requests[where, first:last], of.requests[where])


def _byte_share(where: slice, first: int, last: int, of: Replica) -> float:
    return _part(of.bytes[where, first:last], of.bytes[where])


def _hit_ratio(where: slice, tier: int, of: Replica) -> float:
    """What `tier` answered of what those before it did not."""
    return _part(of.requests[where, tier], of.requests[where, tier:])


def _byte_hit_ratio(where: slice, tier: int, of: Replica) -> float:
    return _part(of.bytes[where, tier], of.bytes[where, tier:])


def _start(share: float, of: Replica) -> float:
    return start_time.quantile(of.starts, share)


def _missed(policy: str, factor: int, column: int, of: Replica) -> float:
    return _part(of.curves[policy][factor, column], of.asked[column])


def _part(some: Floats, whole: Floats) -> float:
    total = float(numpy.sum(whole))
    return float(numpy.sum(some)) / total if total else 0.0


def _ratio(part: Floats, whole: Floats) -> Floats:
    return numpy.divide(part, whole, out=numpy.zeros(BINS), where=whole > 0)


def _rounded(values: Floats, digits: int = 5) -> list[float]:
    return [round(float(value), digits) for value in values]
