"""``make demo``: from masters to first note on this machine, with nothing but this checkout.

    python -m demo.run [--masters DIR] [--once] [--port 8080]

Every step is the command line that a person would type; this module only puts them in a row, keeps the server alive
meanwhile, and says at the end what fell short. All of it lies in ``build/demo``.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import click
from rich.console import Console

from demo import report
from demo.children import TONEARM, child, run, stop_on_signals
from demo.compose import masters as compose

BUILD = Path("build/demo")
READY = 30.0  # seconds a server may take to start
RUNS = 40  # half of them cold: one slow start out of twenty is not p95 yet
TARGET_MS = 200
OVER = 10  # what `tonearm play` exits with when p95 is over the target


@click.command()
@click.option(
    "--masters", type=click.Path(path_type=Path), help="A file or folder of your own instead of the album."
)
@click.option(
    "--once", is_flag=True, help="End after the report, with a status that tells whether all was well."
)
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Another one if it is taken.",
)
def main(masters: Path | None, once: bool, port: int) -> None:
    """Publish music, serve it, verify it, measure how fast it starts, and keep playing."""
    stop_on_signals()
    console = Console(highlight=False)
    try:
        sys.exit(demo(console, masters, once, port))
    except KeyboardInterrupt:
        console.print()
        sys.exit(130)


def demo(console: Console, masters: Path | None, once: bool, port: int) -> int:
    """All steps; 0 when nothing fell short."""
    # A person's own music does not mix with the album.
    home, store = BUILD / "home", BUILD / ("store" if masters is None else "own")
    tonearm = [TONEARM, "--home", str(home)]
    music = masters.expanduser() if masters is not None else album(console, store)

    console.rule("[bold]publish", align="left")
    arguments = [*tonearm, "publish", "--to", str(store), "--json", "--", str(music)]
    status, output = run(arguments, stdout=subprocess.PIPE)
    outcomes = [json.loads(line) for line in output.splitlines()]
    if not outcomes:
        return status or 1
    console.print(report.published(outcomes))
    shortfalls = [outcome["reason"] for outcome in outcomes if outcome["status"] in ("rejected", "failed")]
    songs = [outcome for outcome in outcomes if outcome["version"]]
    if not songs:
        console.print(report.verdict(shortfalls, 0))
        return status or 1

    with server([*tonearm, "serve", "--store", str(store)], port) as (address, process):
        console.rule("[bold]verify", align="left")
        for song in songs:
            folder = store / "songs" / song["song_id"] / song["version"]
            status, _ = run([*tonearm, "verify", str(folder), "--master", song["master"]])
            if status:
                shortfalls.append(f"{Path(song['master']).name}: verify found faults")

        console.rule("[bold]play", align="left")
        # From a start bundle, and as a standard player starts: through manifests, out of the edge's cache.
        for manifest in ("bundle", "hls"):
            play = [*tonearm, "play", address, "--manifest", manifest, "--runs", str(RUNS)]
            status, _ = run([*play, "--target-ms", str(TARGET_MS)])
            if status:
                shortfalls.append(f"p95 is over {TARGET_MS} ms" if status == OVER else "a start failed")
        with urlopen(address + "metrics", timeout=10) as answer:
            console.print(report.cache(answer.read().decode()))

        console.rule(align="left")
        console.print(report.verdict(shortfalls, len(songs)))
        if not once:
            console.print(f"\nListen at [bold cyan]{address}[/]   (Ctrl-C ends it)")
            try:
                process.wait()
            except KeyboardInterrupt:
                console.print()
            else:
                console.print(f"[red]the server ended by itself:[/] see {BUILD / 'serve.log'}")
                return 1
    return 1 if shortfalls else 0


def album(console: Console, store: Path) -> Path:
    """The composed album's folder. A new score makes other songs: the old ones leave the demo's own store."""
    folder = BUILD / "masters"
    with console.status("Composing an album …"):
        started = time.monotonic()
        paths, composed = compose(folder)
    if composed:
        shutil.rmtree(store, ignore_errors=True)
        console.print(f"composed {len(paths)} pieces in {time.monotonic() - started:.0f} s: {folder}")
    return folder


@contextmanager
def server(arguments: list[str], port: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`tonearm serve` inside the block, ready to answer; yields its address and its process."""
    port = free_port(port)
    address = f"http://127.0.0.1:{port}/"
    BUILD.mkdir(parents=True, exist_ok=True)
    with (
        (BUILD / "serve.log").open("w") as log,
        child([*arguments, "--port", str(port)], stdout=log, stderr=log) as process,
    ):
        deadline = time.monotonic() + READY
        while not healthy(address):
            if process.poll() is not None or time.monotonic() > deadline:
                log.flush()
                raise click.ClickException(f"the server did not start:\n{(BUILD / 'serve.log').read_text()}")
            time.sleep(0.05)
        yield address, process


def free_port(wanted: int) -> int:
    """`wanted` when nobody has it, else one that is free now."""
    for port in (wanted, 0):
        with socket.socket() as listener:
            # As the server itself will ask: a port in TIME_WAIT is free, one that somebody listens on is not.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise click.ClickException("no free port")


def healthy(address: str, path: str = "healthz") -> bool:
    """Whether the server at `address`, which ends with a slash, says that it is."""
    try:
        with urlopen(address + path, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    main()
