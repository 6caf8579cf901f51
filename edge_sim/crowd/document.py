"""The outcome of a run as one JSON document; every view of it (terminal, HTML, comparison) is made of this and of nothing else."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from edge_sim.crowd.lag import Lag
from edge_sim.crowd.notes import SLOTS, Notes, Start
from edge_sim.crowd.tiers import TIERS
from edge_sim.crowd.world import World
from edge_sim.player.waterfall import nearest_rank
from media.errors import FormatError

FORMAT = "tonearm crowd 1"
_PERCENTS = (5, 25, 50, 75, 90, 95, 99, 100)


def outcome(world: World, lag: Lag, *, arrived: int) -> dict[str, Any]:
    """All numbers. Ratios are 0 to 1, times ms."""
    settings, notes, charts = world.settings, world.notes, world.charts
    generator = lag.document() | {"arrivals_late_ms": _percentiles(notes.late_ms)}
    played, stalled = notes.played_ms.total(), notes.stalled_ms.total()
    pressed = len(notes.starts) + notes.failed.total() + notes.abandoned.total()
    result: dict[str, Any] = {
        "format": FORMAT,
        "settings": {
            "listeners": settings.listeners,
            "seconds": settings.seconds,
            "speed": settings.speed,
            "begin_minute": settings.begin_minute,
            "abr": settings.abr,
            "clients": dict(settings.clients),
            "decode": settings.decode,
            "goal_ms": settings.goal_ms,
            "seed": settings.seed,
            "regions": [
                {
                    "name": place.name,
                    "share": place.share,
                    "networks": {name: str(network) for name, network, _ in place.networks},
                }
                for place in settings.places
            ],
        },
        "network": "modelled above TCP" if any(place.networks for place in settings.places) else "loopback",
        "catalogue": {
            "songs": len(charts.songs),
            "top_1_percent": charts.drawn_by(0.01),
            "top_10_percent": charts.drawn_by(0.10),
        },
        "generator": generator,
        "slot_ms": settings.milliseconds / SLOTS,
        "counts": {"arrivals": arrived, **notes.counts},
        "listeners_at_once": [notes.present.get(slot, 0) for slot in range(SLOTS)],
        "starts": {
            "pressed": pressed,
            "failed": notes.failed.total(),
            "abandoned": notes.abandoned.total(),
            "failed_ratio": _ratio(notes.failed.total() + notes.abandoned.total(), pressed),
            "all": _starts(notes.starts),
            "by_connection": _by(notes.starts, "connection"),
            "by_edge": _by(notes.starts, "edge"),
            "by_region": _by(notes.starts, "place"),
            "by_client": _by(notes.starts, "client"),
            "over_time": _over_time(notes),
        },
        "rebuffering": {
            "ratio": _ratio(stalled, played + stalled),
            "stalls": notes.stalls.total(),
            "stalled_ms": stalled,
            "played_ms": played,
            "broken": notes.broken.total(),
            "over_time": [
                _ratio(_at(notes.stalled_ms, slot), _at(notes.stalled_ms, slot) + _at(notes.played_ms, slot))
                for slot in range(SLOTS)
            ],
        },
        "gaps_ms": _percentiles(notes.gaps_ms),
        "seeks_ms": _percentiles(notes.seeks_ms),
        "bitrate": round(notes.bit_ms / max(1, notes.music_ms.total())),
        "renditions": {name: _ratio(ms, notes.music_ms.total()) for name, ms in notes.music_ms.items()},
        "switches": dict(notes.switches),
        "errors": dict(notes.errors.most_common()),
        "errors_over_time": {
            kind: [notes.error_slots.get((kind, slot), 0) for slot in range(SLOTS)] for kind in notes.errors
        },
        "cache": _cache(notes, [place.name for place in settings.places]),
    }
    return result | {"verdict": _verdict(result, settings.targets)}


def _verdict(result: dict[str, Any], targets: Any) -> dict[str, Any]:
    """Each target, what it came to, and whether all of it is to be believed."""
    starts = result["starts"]
    found = {
        "start_p95_ms": (starts["all"]["p95"], targets.start_ms),
        "rebuffering": (result["rebuffering"]["ratio"], targets.rebuffering),
        "failed_starts": (starts["failed_ratio"], targets.failed),
    }
    held = {
        name: {"value": value, "target": target, "met": value is not None and value <= target}
        for name, (value, target) in found.items()
    }
    believed = bool(result["generator"]["believed"])
    return {
        "targets": held,
        "believed": believed,
        "met": believed and all(each["met"] for each in held.values()),
    }


def _starts(starts: Sequence[Start]) -> dict[str, Any]:
    """Percentiles, and the mean of each part; the parts add up to the mean."""
    summed: Counter[str] = Counter()
    for start in starts:
        summed.update(start.parts)
    count, totals = max(1, len(starts)), sorted(start.total_ns for start in starts)
    return _percentiles_ns([start.total_ns for start in starts]) | {
        "count": len(starts),
        "decoded": sum(start.decoded for start in starts),
        "cdf": [_ms(totals, percent) for percent in range(1, 101)] if totals else [],
        "mean": round(sum(start.total_ns for start in starts) / count / 1e6, 3),
        "parts": {name: round(value / count / 1e6, 3) for name, value in summed.most_common()},
    }


def _by(starts: Sequence[Start], name: str) -> dict[str, Any]:
    groups: dict[str, list[Start]] = defaultdict(list)
    for start in starts:
        groups[getattr(start, name)].append(start)
    return {key: _starts(group) for key, group in sorted(groups.items())}


def _over_time(notes: Notes) -> list[dict[str, Any]]:
    slots: list[list[int]] = [[] for _ in range(SLOTS)]
    for start in notes.starts:
        slots[notes.slot(start.at_ms)].append(start.total_ns)
    for each in slots:
        each.sort()
    return [
        {"count": len(each), "failed": _at(notes.failed, slot) + _at(notes.abandoned, slot)}
        | {f"p{percent}": _ms(each, percent) for percent in (50, 95)}
        for slot, each in enumerate(slots)
    ]


def _cache(notes: Notes, places: list[str]) -> dict[str, Any]:
    """Requests for objects by who answered. What joined a fetch counts as a miss."""
    asked = notes.tiers.total()
    by_tier = {tier: sum(n for (_, _, who), n in notes.tiers.items() if who == tier) for tier in TIERS}
    sent = notes.tier_bytes.total()
    return {
        "requests": asked,
        "bytes": sent,
        "tiers": {tier: _ratio(n, asked) for tier, n in by_tier.items()},
        "byte_tiers": {tier: _ratio(notes.tier_bytes[tier], sent) for tier in TIERS},
        "hit_ratio": _ratio(by_tier["memory"] + by_tier["disk"], asked),
        "over_time": {
            tier: [
                _ratio(
                    sum(notes.tiers[place, slot, tier] for place in places),
                    sum(notes.tiers[place, slot, each] for place in places for each in TIERS),
                )
                for slot in range(SLOTS)
            ]
            for tier in TIERS
        },
        "regions": {
            place: [
                _ratio(
                    notes.tiers[place, slot, "memory"] + notes.tiers[place, slot, "disk"],
                    sum(notes.tiers[place, slot, each] for each in TIERS),
                )
                for slot in range(SLOTS)
            ]
            for place in places
        },
    }


def _at(counter: Counter[tuple[str, int]], slot: int) -> int:
    return sum(value for (_, when), value in counter.items() if when == slot)


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 6) if whole else None


def _percentiles_ns(values: Iterable[int]) -> dict[str, float | None]:
    ordered = sorted(values)
    return {f"p{percent}": _ms(ordered, percent) for percent in _PERCENTS}


def _percentiles(values: Iterable[int]) -> dict[str, float | None]:
    found = list(values)
    return _percentiles_ns([value * 1_000_000 for value in found]) | {"count": len(found)}


def _ms(values: Sequence[int], percent: int) -> float | None:
    """Of ordered ns."""
    return round(nearest_rank(values, percent) / 1e6, 3) if values else None


def load(path: Path) -> dict[str, Any]:
    """A document that ``tonearm crowd --json`` printed. Raises `FormatError` for anything else."""
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or "verdict" not in found:
        raise FormatError(f"{path}: not an outcome of tonearm crowd --json, or of another version")
    return found
