"""A run on a terminal: what was asked, the verdict, and what changed since another run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.load.compare import rows
from benchmarks.load.result import Asked
from benchmarks.load.targets import MET, UNBELIEVABLE, Line
from edge_sim.report.comparison import on_terminal


def asked(what: Asked) -> str:
    more = f" in {what.processes} processes" if what.processes > 1 else ""
    return f"{what.users} listeners{more} for {what.seconds} s, {what.compression:g} s of music in a second, at {what.address} ({what.catalogue})"


def verdict(
    result: dict[str, Any], found: Sequence[Line], before: dict[str, Any] | None
) -> Iterator[RenderableType]:
    """Every figure with its target, and one sentence."""
    yield _figures(result)
    table = Table("target", "limit", "figure", "", box=None, pad_edge=False)
    for line in found:
        table.add_row(
            line.name,
            line.limit,
            line.figure,
            Text("met" if line.met else "missed", "green" if line.met else "bold red"),
        )
    yield table
    for failure, times in result["failures"].items():
        yield Text(f"{times} × {failure}", "red")
    if before is not None:
        yield on_terminal(list(rows(before, result)), ("before", "now", "change"))
    yield Text(sentence(result), "bold green" if result["verdict"]["code"] == MET else "bold red")


def sentence(result: dict[str, Any]) -> str:
    """The verdict in words."""
    missed = [line["name"] for line in result["verdict"]["lines"] if not line["met"]]
    if result["verdict"]["code"] == UNBELIEVABLE:
        generator = [
            line["name"]
            for line in result["verdict"]["lines"]
            if line["kind"] == "generator" and not line["met"]
        ]
        return f"Not to be believed: the generator itself was in the way ({', '.join(generator)}). Fewer USERS, PROCESSES=2, or a quieter machine."
    return f"Missed: {', '.join(missed)}." if missed else "Every target was met."


def plain(found: Sequence[Line]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(line) for line in found]


def _figures(result: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for name in ("warm", "cold"):
        table.add_row(f"start time, {name}", _starts(result["starts"][name]))
    for name, starts in result["starts"]["by_player"].items():
        table.add_row(f"start time, {name}", _starts(starts))
    cache = result["cache"]
    total = cache["hit"] + cache["joined"] + cache["miss"]
    table.add_row("hit ratio", f"{cache['ratio']:.1%} of {total} requests")
    rebuffer = result["rebuffer"]
    table.add_row(
        "stalls",
        f"{rebuffer['stalls']} ({rebuffer['silence_ms']:.0f} ms of silence in {rebuffer['played_ms'] / 1000:.0f} s)",
    )
    failed = sum(result["failures"].values())
    asked = result["requests"]["count"] + failed
    table.add_row("failures", f"{failed} of {asked} requests ({result['requests']['per_s']:.0f} a second)")
    if (opened := result["open_loop"]) is not None:
        table.add_row(
            "open loop",
            f"{_loop(opened['from_due'])} at {opened['rate']} a second; from when they were sent: {_loop(opened['from_sent'])}",
        )
    table.add_row("busiest core", ", ".join(f"{name} {load['p90']:.0f} %" for name, load in _cores(result)))
    return table


def _cores(result: dict[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    for name, load in (("locust", result["generator"]["cpu"]), *result["servers"].items()):
        if load:
            yield name, load


def _starts(starts: dict[str, Any]) -> str:
    if not starts["count"]:
        return "no song started"
    times = ", ".join(f"{name} {starts[name]:.0f} ms" for name in ("p50", "p95", "p99"))
    return f"{times} ({starts['count']} starts)"


def _loop(times: dict[str, float]) -> str:
    return ", ".join(f"{name} {times[name]:.1f} ms" for name in ("p50", "p90", "p99", "p99.9"))
