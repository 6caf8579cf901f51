"""What a run is held against. Starts that the edge had to fetch something for are shown apart and not held against anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MET, MISSED, UNBELIEVABLE = 0, 1, 3  # exit codes


@dataclass(frozen=True, slots=True)
class Targets:
    """Milliseconds, and shares of one. `locust_cpu` (per cent of a core) and `late_ms` are what the generator itself is held against."""

    start_p50_ms: float = 120
    start_p95_ms: float = 160
    start_p99_ms: float = 200
    rebuffer: float = 0.001
    hit_ratio: float = 0.75  # the edge begins empty: a short run has its misses still before it
    failures: float = 0
    open_p99_ms: float = 50
    locust_cpu: float = 90
    late_ms: float = 20  # a tenth of what a start may take


@dataclass(frozen=True, slots=True)
class Line:
    """One target: what it says, its limit and the figure, as text; `kind` is ``target``, or ``generator`` for what makes the others believable."""

    name: str
    limit: str
    figure: str
    met: bool
    kind: str = "target"


def lines(result: dict[str, Any], targets: Targets) -> Iterator[Line]:
    """Each target with its figure. What nothing was measured of is missed: a run in which nobody could start proves nothing."""
    warm = result["starts"]["warm"]
    for name in ("p50", "p95", "p99"):
        yield _ms(f"start, {name}", warm.get(name), getattr(targets, f"start_{name}_ms"))
    ratio = result["rebuffer"]["ratio"]
    yield Line("rebuffer ratio", f"≤ {targets.rebuffer:.2%}", f"{ratio:.3%}", ratio <= targets.rebuffer)
    hits = result["cache"]["ratio"]
    yield Line("hit ratio", f"≥ {targets.hit_ratio:.0%}", f"{hits:.2%}", hits >= targets.hit_ratio)
    failures = sum(result["failures"].values())
    yield Line("failures", f"≤ {targets.failures:g}", f"{failures}", failures <= targets.failures)
    if (opened := result["open_loop"]) is not None:
        yield _ms("open loop, p99", opened["from_due"]["p99"], targets.open_p99_ms)
        yield _ms("open loop behind its schedule, p99", opened["late"]["p99"], targets.late_ms, "generator")
    if (late := result["generator"]["late"].get("p99")) is not None:  # nobody slept when nobody could start
        yield _ms("listeners woken too late, p99", late, targets.late_ms, "generator")
    busy = result["generator"]["cpu"].get("p90")
    if busy is not None:  # a run of a second has no sample
        yield Line(
            "locust's busiest core",
            f"≤ {targets.locust_cpu:g} %",
            f"{busy:.0f} %",
            busy <= targets.locust_cpu,
            "generator",
        )


def code(found: list[Line]) -> int:
    """Of the process: a busy generator outweighs everything, because then the figures are its own."""
    if not all(line.met for line in found if line.kind == "generator"):
        return UNBELIEVABLE
    return MET if all(line.met for line in found) else MISSED


def _ms(name: str, figure: float | None, limit: float, kind: str = "target") -> Line:
    if figure is None:
        return Line(name, f"≤ {limit:g} ms", "none", False, kind)
    return Line(name, f"≤ {limit:g} ms", f"{figure:.1f} ms", figure <= limit, kind)
