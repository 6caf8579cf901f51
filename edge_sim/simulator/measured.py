"""What an answer takes from each tier, as ``make calibrate`` measured it (`benchmarks/tiers.py`).

    {"format": 1, "measured": "2026-11-28", "machine": "…", "rtt_ms": {"shield": 38, "origin": 110},
     "tiers": {"memory": {"p50": 0.2, "p99": 0.9, "answers": 600}, "disk": {…}, "shield": {…}, "origin": {…}}}

The way to the shield, and from there to the origin, is no part of what was measured on one machine; it stands beside it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_sim.simulator.topology import TIERS
from media.errors import FormatError

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """`tiers` are medians with the ways between tiers, `p99` the same of the slowest hundredth; in ms, in the order of `TIERS`."""

    name: str
    date: str
    machine: str
    tiers: tuple[float, float, float, float]
    p99: tuple[float, float, float, float]


def load(path: Path) -> Measured:
    """Raises `FormatError` for anything that ``make calibrate`` did not write."""
    try:
        document = json.loads(path.read_bytes())
        if document["format"] != FORMAT:
            raise ValueError
        return Measured(
            path.name,
            str(document["measured"]),
            str(document["machine"]),
            _times(document, "p50"),
            _times(document, "p99"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FormatError(f"{path}: not what make calibrate writes, or of another version") from None


def _times(document: dict[str, Any], point: str) -> tuple[float, float, float, float]:
    memory, disk, shield, origin = (float(document["tiers"][name][point]) for name in TIERS)
    to_shield, to_origin = (float(document["rtt_ms"][name]) for name in ("shield", "origin"))
    times = (memory, disk, shield + to_shield, origin + to_shield + to_origin)
    if not all(0 <= each < 1e6 for each in times):
        raise ValueError
    return times
