"""``make calibrate``: what an answer takes from each tier, for ``tonearm simulate --tiers FILE``.

    python -m benchmarks.tiers --json build/bench/tiers.json --shield-rtt-ms 38 --origin-rtt-ms 110

A real origin, a shield and edges on loopback, as processes of their own, and one listener who asks for one object after the other:

    origin   nobody has asked for it before
    memory   it was asked for just now
    disk     the edge was started anew, with the same folder
    shield   an edge without anything asks the shield that has it all

Who answered is read out of ``Cache-Status``, and an answer of another tier than the one that was meant does not count. Loopback has no way between tiers:
what lies between yours is an option, and stands in the file beside what was measured.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.table import Table

from benchmarks.load.servers import server
from demo.run import free_port
from edge_sim.crowd.tiers import answered
from edge_sim.player.waterfall import nearest_rank
from edge_sim.simulator.measured import FORMAT, TIERS
from origin.tokens import load_token_keys, sign

FOLDER = "songs/calibration/0123456789abcdef/audio/normal"
# Bytes: a header, a presentation, a first segment, the next ones up to four seconds of 160 kbit/s.
SIZES = (800, 4_000, 9_000, 20_000, 40_000, 80_000)
# Whoever asks for one segment after the other would find that it was fetched ahead.
_PLAIN = ("--prefetch-segments", "0", "--no-prefetch-next-song", "--promote-velocity", "0", "--workers", "1")
_PERCENTS = (50, 99)


def measure(tonearm: Sequence[str], folder: Path, objects: int) -> dict[str, list[float]]:
    """The times of each tier's answers, in ms. `tonearm` is how it is called, `folder` empty."""
    store, home = folder / "store", folder / "home"
    (store / FOLDER).mkdir(parents=True)
    home.mkdir(mode=0o700)
    names = [f"{FOLDER}/{number:05d}.m4s" for number in range(objects)]
    for number, name in enumerate(names):
        (store / name).write_bytes(os.urandom(SIZES[number % len(SIZES)]))
    prefix = f"/t/{sign('songs/', keys=load_token_keys(home, None), expires_ms=1 << 47)}/"
    paths = [prefix + name for name in names]
    called = [*tonearm, "--home", str(home)]
    origin, shield, edge, other = (f"http://127.0.0.1:{free_port(0)}" for _ in range(4))
    found: dict[str, list[float]] = defaultdict(list)
    disk = ["--disk", f"{folder / 'disk'}:1GB"]
    with ExitStack() as stack:
        start = [*called, "origin", "--store", str(store), "--workers", "1"]
        stack.enter_context(server(start, origin))
        start = [*called, "edge", "--origin", origin, "--as-shield", "--region", "shield", *_PLAIN]
        stack.enter_context(server(start, shield))
        start = [*called, "edge", "--origin", origin, "--shield", shield, *_PLAIN]
        with server([*start, *disk], edge):
            ask(edge, paths, found, "origin")
            ask(edge, paths, found, "memory")
        with server([*start, *disk], edge):
            ask(edge, paths, found, "disk")
        with server(start, other):
            ask(other, paths, found, "shield")
    return found


def ask(address: str, paths: Sequence[str], found: dict[str, list[float]], meant: str) -> None:
    """One after the other, over one connection."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc)
    try:
        for path in paths:
            begin = time.perf_counter_ns()
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            took = time.perf_counter_ns() - begin
            if answer.status != 200:
                raise click.ClickException(f"{address}: {answer.status} for a segment")
            if answered(answer.headers.get("Cache-Status", "")) == meant:
                found[meant].append(took / 1e6)
    finally:
        connection.close()


def document(found: dict[str, list[float]], shield_rtt_ms: float, origin_rtt_ms: float) -> dict[str, Any]:
    """What `edge_sim.simulator.measured` reads. Raises `ClickException` where a tier never answered."""
    tiers = {}
    for name in TIERS:
        times = sorted(found.get(name, ()))
        if not times:
            raise click.ClickException(f"{name}: never answered")
        tiers[name] = {f"p{percent}": round(nearest_rank(times, percent), 3) for percent in _PERCENTS}
        tiers[name]["answers"] = len(times)
    return {
        "format": FORMAT,
        "measured": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.release()}, {os.cpu_count()} cores",
        "tiers": tiers,
        "rtt_ms": {"shield": shield_rtt_ms, "origin": origin_rtt_ms},
    }


@click.command()
@click.option("--objects", default=600, show_default=True, type=click.IntRange(1), help="Of each tier.")
@click.option(
    "--shield-rtt-ms", default=0.0, show_default=True, type=click.FloatRange(0), help="From edge to shield."
)
@click.option(
    "--origin-rtt-ms", default=0.0, show_default=True, type=click.FloatRange(0), help="From shield to origin."
)
@click.option(
    "--json", "target", type=click.Path(path_type=Path, dir_okay=False), help="Write the file for simulate."
)
def main(objects: int, shield_rtt_ms: float, origin_rtt_ms: float, target: Path | None) -> None:
    """What an answer takes from memory, disk, shield and origin."""
    with tempfile.TemporaryDirectory(prefix="tonearm-tiers-") as folder:
        found = measure([sys.executable, "-m", "cli"], Path(folder), objects)
    result = document(found, shield_rtt_ms, origin_rtt_ms)
    table = Table("tier", "answers", "p50", "p99", box=None)
    for name, tier in result["tiers"].items():
        table.add_row(name, str(tier["answers"]), f"{tier['p50']:.2f} ms", f"{tier['p99']:.2f} ms")
    Console(highlight=False).print(table)
    if target is not None:
        target.write_text(json.dumps(result, indent=1) + "\n")
        click.echo(f"tonearm simulate --tiers {target}")


if __name__ == "__main__":
    main()
