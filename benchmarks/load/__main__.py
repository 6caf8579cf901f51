"""``python -m benchmarks.load``: locust's listeners before an edge, an origin and an API of their own, and a verdict.

    python -m benchmarks.load --users 20 --seconds 20                     # a small catalogue, published once into build/load
    python -m benchmarks.load --users 500 --minutes 2 --html load.html --json load.json
    python -m benchmarks.load --store /srv/music --home ~/.local/share/tonearm
    python -m benchmarks.load --host http://127.0.0.1:8080                # what is being served already
    python -m benchmarks.load --users 500 --minutes 2 --compare load.json

Exit code 0 when every target was met, 1 when one was missed, 3 when the generator itself was too busy to be believed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.load import opened, summary
from benchmarks.load.catalogue import catalogue
from benchmarks.load.cpu import watching
from benchmarks.load.page import page
from benchmarks.load.record import read
from benchmarks.load.result import Asked, document, load
from benchmarks.load.servers import tiers
from benchmarks.load.targets import Targets, code, lines
from benchmarks.loopback import require_loopback
from demo.children import TONEARM, child, stop_on_signals

OWN = Path("build/load")
_PLAYERS = {"ours": ["OurPlayer"], "hls": ["HlsPlayer"], "both": ["OurPlayer", "HlsPlayer"]}
_LIMITS = {
    "start_p50_ms": "Half of the warm starts.",
    "start_p95_ms": "95 % of them.",
    "start_p99_ms": "99 % of them.",
    "rebuffer": "Silence, as a share of listening.",
    "hit_ratio": "Requests that the edge answers from memory, as a share.",
    "failures": "Requests that fail.",
    "open_p99_ms": "99 % of the open loop's requests.",
    "locust_cpu": "Per cent of a core that a process of locust may take.",
    "late_ms": "By how much the generators may be late.",
}


def _loopback(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else require_loopback(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _limits(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each of `Targets`."""
    for each in reversed(fields(Targets)):
        name = f"--{each.name.replace('_', '-')}"
        command = click.option(
            name, default=each.default, type=float, show_default=True, help=_LIMITS[each.name]
        )(command)
    return command


@click.command()
@click.option("--host", callback=_loopback, help="Load what is served there.")
@click.option("--store", help="Serve this store.  [default: a small one, made for this]")
@click.option("--home", type=click.Path(path_type=Path), help="The store's keys.  [default: TONEARM_HOME]")
@click.option("--users", default=20, show_default=True, type=click.IntRange(1), help="Listeners at a time.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="How long.")
@click.option("--seconds", type=click.IntRange(1), help="How long, if not in minutes.  [default: 20]")
@click.option(
    "--compression",
    type=click.FloatRange(0, min_open=True),
    help="Seconds of music in a second of time.  [default: 1; 8 when the time is in seconds]",
)
@click.option("--songs", default=0, help="End after so many songs, if that is sooner.  [default: no limit]")
@click.option(
    "--player", default="both", show_default=True, type=click.Choice(list(_PLAYERS)), help="Ours, or HLS."
)
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1), help="Of locust.")
@click.option(
    "--open-rate",
    type=click.IntRange(0),
    help="Requests a second of the open loop; 0: none.  [default: as many as the listeners made]",
)
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a report, one page.")
@click.option(
    "--json", "as_json", type=click.Path(path_type=Path, dir_okay=False), help="Write the same numbers."
)
@click.option(
    "--locust-html", type=click.Path(dir_okay=False), help="Where locust is to write its own report."
)
@click.option(
    "--compare", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A --json of before."
)
@_limits
def main(
    host: str | None,
    store: str | None,
    home: Path | None,
    users: int,
    minutes: float | None,
    seconds: int | None,
    html: Path | None,
    as_json: Path | None,
    compare: Path | None,
    compression: float | None,
    open_rate: int | None,
    **options: Any,
) -> None:
    """Put listeners before servers, and say how quickly songs started, whether music stopped, and what the edge had."""
    stop_on_signals()
    console = Console(highlight=False)
    before = load(compare) if compare else None
    targets = Targets(**{each.name: options.pop(each.name) for each in fields(Targets)})
    time = round(minutes * 60) if minutes else seconds or 20
    with ExitStack() as stack:
        pids: dict[str, int] = {}
        address, what = host or "", "what is served there"
        if host is None:
            tonearm = [TONEARM, *(["--home", str(home)] if home else [])]
            if store is None:
                with console.status("Publishing a catalogue to load …"):
                    tonearm, store = catalogue(OWN)
            served = stack.enter_context(tiers(tonearm, store))
            address, pids, what = served.address, served.pids, store
        asked = Asked(
            address, users, time, compression or (1.0 if minutes else 8.0), options["processes"], what
        )
        console.print(summary.asked(asked), markup=False, soft_wrap=True)
        with console.status("They listen …"):
            result = run(asked, pids, open_rate, **options)
    found = list(lines(result, targets))
    result["verdict"] = {"code": code(found), "lines": summary.plain(found)}
    console.print(*summary.verdict(result, found, before))
    if as_json:
        as_json.write_text(json.dumps(result), encoding="utf-8")
    if html:
        html.write_text(page(result, before), encoding="utf-8")
        console.print(f"report: {html}", markup=False, soft_wrap=True)
    sys.exit(code(found))


def run(
    asked: Asked,
    pids: dict[str, int],
    open_rate: int | None,
    *,
    songs: int,
    player: str,
    processes: int,
    locust_html: str | None,
) -> dict[str, Any]:
    """Locust to its end, then the open loop: what both measured."""
    locustfile = str(Path(__file__).parents[1] / "locustfile.py")
    with tempfile.TemporaryDirectory(prefix="tonearm-load-") as folder:
        totals, said = Path(folder, "totals.json"), Path(folder, "locust.log")
        command = [sys.executable, "-m", "locust", "-f", locustfile, "--headless", "--only-summary"]
        command += ["--loglevel", "ERROR", "--host", asked.address, *_arguments(asked)]
        command += ["--summary", str(totals), "--record", folder, "--songs", str(songs)]
        command += ["--html", locust_html] if locust_html else []
        command += ["--processes", str(processes)] if processes > 1 else []
        with (
            said.open("w") as log,
            child([*command, *_PLAYERS[player]], stdout=log, stderr=log) as locust,
            watching({"locust": locust.pid, **pids}) as watch,
        ):
            locust.wait()
        if not totals.exists():
            raise click.ClickException(f"locust did not come to its end:\n{said.read_text()}")
        failures = json.loads(totals.read_text())["failures"]
        notes = read(Path(folder))
    result = document(asked, notes, failures, watch.samples)
    rate = max(1, round(result["requests"]["per_s"])) if open_rate is None else open_rate
    if rate and result["starts"]["all"]["count"]:
        result["open_loop"] = opened.measure(asked.address, rate, min(asked.seconds, 30))
    return result


def _arguments(asked: Asked) -> Iterator[str]:
    """Listeners come in over the first fifth of the time, as people do, and not all in the same moment."""
    yield from ("--users", str(asked.users), "--run-time", f"{asked.seconds}s")
    yield from ("--spawn-rate", f"{asked.users / max(1, asked.seconds / 5):g}")
    yield from ("--compression", f"{asked.compression:g}")


if __name__ == "__main__":
    main()
