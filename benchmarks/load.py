"""``python -m benchmarks.load``: locust's listeners against a served store, and a verdict.

    python -m benchmarks.load --users 20 --seconds 20                     # serves a store of its own
    python -m benchmarks.load --store /srv/music --home ~/.local/share/tonearm
    python -m benchmarks.load --host http://127.0.0.1:8080                # what is being served already

Exit code 0 when there were starts and no failures, 1 otherwise.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.loopback import require_loopback
from demo.children import TONEARM, child, run, stop_on_signals
from demo.run import free_port, healthy

DEMO = Path("build/demo")  # where `make demo` leaves its store and its keys
OWN = Path("build/load")
READY_S = 30.0


def _loopback(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else require_loopback(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--host", callback=_loopback, help="Load what is served there.")
@click.option("--store", help="Serve this store.  [default: the demo's, or one of its own]")
@click.option("--home", type=click.Path(path_type=Path), help="The store's keys.  [default: TONEARM_HOME]")
@click.option("--users", default=20, show_default=True, type=click.IntRange(1), help="Listeners at a time.")
@click.option("--seconds", default=20, show_default=True, type=click.IntRange(1), help="How long.")
@click.option("--compression", default=8.0, show_default=True, help="Seconds of music in a second of time.")
@click.option("--songs", default=0, help="End after so many songs, if that is sooner.  [default: no limit]")
@click.option("--html", type=click.Path(), help="Where locust is to write its own report.")
def main(
    host: str | None,
    store: str | None,
    home: Path | None,
    users: int,
    seconds: int,
    compression: float,
    songs: int,
    html: str | None,
) -> None:
    """Put listeners before a served store and say how quickly songs started."""
    stop_on_signals()
    console = Console(highlight=False)
    arguments = ["--users", str(users), "--spawn-rate", str(users), "--run-time", f"{seconds}s"]
    arguments += ["--compression", str(compression), "--songs", str(songs)]
    arguments += [*(["--html", html] if html else [])]
    said = f"{users} listeners for {seconds} s, {compression:g} s of music in a second"
    if host is not None:
        console.print(f"{said}, at {host}", markup=False, soft_wrap=True)
        sys.exit(load(console, host, arguments))
    tonearm = [TONEARM, *(["--home", str(home)] if home else [])]
    if store is None:
        tonearm, store = own_store(console)
    with serving([*tonearm, "serve", "--store", store]) as address:
        console.print(f"{said}, at {address} ({store})", markup=False, soft_wrap=True)
        sys.exit(load(console, address, arguments))


def own_store(console: Console) -> tuple[list[str], str]:
    """The demo's store where there is one, else the demo's album published into one of our own; with who opens it."""
    if (DEMO / "store").is_dir() and (DEMO / "home").is_dir():
        return [TONEARM, "--home", str(DEMO / "home")], str(DEMO / "store")
    tonearm, store = [TONEARM, "--home", str(OWN / "home")], str(OWN / "store")
    masters = str(OWN / "masters")
    console.print("Composing and publishing an album to load …")
    for step in (
        [sys.executable, "-m", "demo.compose", masters],
        [*tonearm, "publish", masters, "--to", store],
    ):
        status, _ = run(step, stdout=subprocess.DEVNULL)
        if status:
            raise click.ClickException(f"{' '.join(step)} ended with {status}")
    return tonearm, store


@contextmanager
def serving(arguments: Sequence[str]) -> Iterator[str]:
    """`tonearm serve` on a free port inside the block; yields its address."""
    port = free_port(0)
    address = f"http://127.0.0.1:{port}/"
    with (
        tempfile.TemporaryFile("w+") as log,
        child([*arguments, "--port", str(port)], stdout=log, stderr=log) as process,
    ):
        deadline = time.monotonic() + READY_S
        while not healthy(address):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise click.ClickException(f"the server did not start:\n{log.read()}")
            time.sleep(0.05)
        yield address


def load(console: Console, host: str, arguments: Sequence[str]) -> int:
    """Run locust, print what came of it; 0 when all was well."""
    locustfile = str(Path(__file__).with_name("locustfile.py"))
    with tempfile.TemporaryDirectory(prefix="tonearm-load-") as folder:
        summary = Path(folder, "summary.json")
        command = [sys.executable, "-m", "locust", "-f", locustfile, "--headless", "--only-summary"]
        command += ["--loglevel", "ERROR", "--host", host, "--summary", str(summary), *arguments]
        run(command)
        if not summary.exists():
            raise click.ClickException("locust did not come to its end")
        result: dict[str, Any] = json.loads(summary.read_text())
    console.print(report(result))
    return 0 if result["starts"] and not result["failures"] else 1


def report(result: dict[str, Any]) -> Table:
    """The three things that `make load` is for: start time, hit ratio, failures."""
    table = Table(box=None, pad_edge=False, show_header=False)
    starts, cache = result["starts"], result["cache"]
    times = ", ".join(f"{name} {value} ms" for name, value in result["start_ms"].items())
    table.add_row("start time", Text(f"{times} ({starts} starts)" if starts else "no song started", "bold"))
    asked = sum(cache.values())
    ratio = f"{cache['hits'] / asked:.1%} of {asked} requests" if asked else "the edge was not asked"
    table.add_row("hit ratio", Text(ratio, "bold"))
    table.add_row("stalls", str(result["stalls"]))
    failed = sum(result["failures"].values())
    table.add_row(
        "failures", Text(f"{failed} of {result['requests']} requests", "red" if failed else "green")
    )
    for failure, times in result["failures"].items():
        table.add_row("", Text(f"{times} × {failure}", "red"))
    return table


if __name__ == "__main__":
    main()
