"""``tonearm simulate``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from edge_sim.options import Size
from edge_sim.policies import DEFAULT, NAMES
from edge_sim.simulator.options import MODELS, Count, OneOf, Regions, TierTimes

Command = TypeVar("Command", bound=Callable[..., Any])

if TYPE_CHECKING:
    from edge_sim.simulator.outcome import Outcome
    from edge_sim.simulator.settings import Settings

_FILE = click.Path(path_type=Path, dir_okay=False)
_THERE = click.Path(path_type=Path, dir_okay=False, exists=True)
# Of the whole service, where nothing else is said; and of one edge, where a trace is replayed.
_WORLD = {"memory": 2 * 10**12, "disk": 40 * 10**12, "shield": 200 * 10**12}
_TRACE = {"memory": 256 * 10**6, "disk": 0, "shield": 0}


def _price(name: str, default: float, what: str) -> Callable[[Command], Command]:
    return click.option(
        f"--price-{name}",
        default=default,
        show_default=True,
        type=click.FloatRange(0),
        help=f"Dollars {what}.",
    )


@click.command()
@click.option(
    "--trace", type=_THERE, help="Replay this: .oracleGeneral, .csv, .log (nginx combined), .jsonl."
)
@click.option(
    "--catalogue", default="1e8", show_default=True, type=Count(), help="Songs of a made-up service."
)
@click.option("--streams-per-day", default="1e9", show_default=True, type=Count(), help="Its streams.")
@click.option(
    "--regions", type=Regions(), help="Its regions: NAME[:SHARE[:HOURS FROM UTC]],…  [default: six]"
)
@click.option("--policy", default=DEFAULT, show_default=True, type=click.Choice(NAMES), help="Of every tier.")
@click.option("--memory", type=Size(), help="Memory of a region's edges.  [default: 2TB; for a trace 256MB]")
@click.option("--disk", type=Size(), help="Disk of a region's edges.  [default: 40TB; for a trace none]")
@click.option("--shield", type=Size(), help="The one shield.  [default: 200TB; for a trace none]")
@click.option(
    "--sample", type=OneOf(), help="One song, or object, in so many.  [default: 1:1000; for a trace 1:1]"
)
@click.option(
    "--replicas",
    type=click.IntRange(1, 64),
    help="Samples that share no song; their spread is the error.  [default: 4; 1 for a whole trace]",
)
@click.option("--curves/--no-curves", default=True, show_default=True, help="Miss ratios by size and policy.")
@click.option(
    "--primed/--empty", default=True, show_default=True, help="Begin the day with full caches or empty ones."
)
@click.option(
    "--rtt-ms",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Listeners' median round trip.",
)
@click.option(
    "--kbits",
    default=12_000.0,
    show_default=True,
    type=click.FloatRange(1),
    help="Their median bandwidth, kbit/s.",
)
@click.option(
    "--tier-ms",
    default="0.1,2,40,150",
    show_default=True,
    type=TierTimes(),
    help="What an answer takes from each tier, in ms, beyond the way to the edge.",
)
@click.option("--tiers", type=_THERE, help="What make calibrate measured, in place of --tier-ms.")
@click.option(
    "--start",
    default="bundle",
    show_default=True,
    type=click.Choice(MODELS),
    help="How players begin: with the start bundle, with the grant and what it names, or walking through playlists.",
)
@click.option(
    "--api-ms",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0),
    help="What a grant or a bundle takes, in ms, beyond the way to the edge.",
)
@click.option(
    "--first-bytes",
    default="256MiB",
    show_default=True,
    type=Size(),
    help="What each process of the API remembers for bundles.",
)
@click.option(
    "--prefetch-next-song",
    is_flag=True,
    help="Edges fetch the start of a song ten seconds before a listener goes on to it.",
)
@click.option(
    "--prefetch-segments",
    default=0,
    show_default=True,
    type=click.IntRange(0, 50),
    help="They fetch so many segments behind the half minute that a player loads at once.",
)
@click.option(
    "--promote-velocity",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="They fetch a song whole that so many people of a region began within ten minutes; 0: none.",
)
@click.option(
    "--push-releases",
    is_flag=True,
    help="They have the first half minute of new songs before these come out.",
)
@_price("edge-gb", 0.01, "a GB to listeners")
@_price("shield-gb", 0.01, "a GB from the shield to edges")
@_price("origin-gb", 0.05, "a GB from the origin to the shield")
@_price("origin-million", 0.4, "a million requests to the origin")
@_price("memory-gb-month", 2.0, "a GB of memory and month")
@_price("disk-gb-month", 0.05, "a GB of disk and month")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="The same seed, the same numbers."
)
@click.option("--jobs", type=click.IntRange(1), help="Processes.  [default: one for each core]")
@click.option(
    "--save-trace", type=_FILE, help="Write the requests (of a made-up day, its first sample) as a trace."
)
@click.option(
    "--compare", nargs=2, type=_THERE, metavar="A.json B.json", help="Two outcomes of --json instead."
)
@click.option("--html", type=_FILE, help="Write a report, one page with all its plots.")
@click.option("--json", "as_json", is_flag=True, help="All numbers as one JSON object on standard output.")
def simulate(
    trace: Path | None,
    html: Path | None,
    as_json: bool,
    compare: tuple[Path, Path] | None,
    save_trace: Path | None,
    jobs: int | None,
    **options: Any,
) -> None:
    """Replay a trace, or a day of a made-up service, through edge memories, edge disks, a shield and an origin.

    A thousandth of the songs, with caches of a thousandth of the size, stands for the whole. docs/guides/load-tester.md explains the numbers.
    """
    if compare is not None:
        _compare(*compare, html, as_json)
        return
    outcome = _replay(trace, save_trace, jobs, options) if trace else _day(save_trace, jobs, options)
    if html is not None:
        from edge_sim.simulator.report.page import page

        html.write_text(page(outcome.document), encoding="utf-8")
    if as_json:
        import json

        click.echo(json.dumps(outcome.document))
    else:
        from rich.console import Console

        from edge_sim.simulator.report.summary import summary

        Console(highlight=False).print(*summary(outcome.document))


def _day(save_trace: Path | None, jobs: int | None, options: dict[str, Any]) -> Outcome:
    from edge_sim.simulator import formats
    from edge_sim.simulator.listeners import REGIONS
    from edge_sim.simulator.run import requests_of, simulate_world
    from edge_sim.simulator.synthetic import World

    settings = _settings(options, _WORLD, sample=1000, replicas=4)
    world = World(
        options["catalogue"], options["streams_per_day"], options["regions"] or REGIONS, seed=options["seed"]
    )
    if settings.slices > world.catalogue:
        raise click.UsageError(
            f"--sample: {world.catalogue} songs are too few for 1:{settings.sample} in {settings.replicas} samples"
        )
    if save_trace is not None:
        formats.write(save_trace, [requests_of(world, settings)])
    return simulate_world(world, settings, jobs=jobs)


def _replay(trace: Path, save_trace: Path | None, jobs: int | None, options: dict[str, Any]) -> Outcome:
    from edge_sim.simulator import formats
    from edge_sim.simulator.run import simulate_trace

    settings = _settings(options, _TRACE, sample=1, replicas=4 if (options["sample"] or 1) > 1 else 1)
    if settings.warming:
        raise click.UsageError("--trace: a trace has no songs and no streams, and so no warming")
    if settings.sample == 1 and settings.replicas > 1:
        raise click.UsageError(
            "--replicas: several samples of a whole trace would share objects; add --sample"
        )
    if save_trace is not None:
        if save_trace.exists() and save_trace.samefile(trace):
            raise click.UsageError("--save-trace: that is the trace itself")
        formats.write(save_trace, formats.read(trace))
    return simulate_trace(partial(formats.read, trace), settings, jobs=jobs)


def _settings(options: dict[str, Any], sizes: dict[str, int], *, sample: int, replicas: int) -> Settings:
    from edge_sim.simulator.measured import load
    from edge_sim.simulator.settings import Prices, Settings
    from edge_sim.simulator.start_time import Network
    from edge_sim.simulator.topology import Sizes
    from edge_sim.simulator.warming import Warming

    measured = load(options["tiers"]) if options["tiers"] else None
    given = {name: default if options[name] is None else options[name] for name, default in sizes.items()}
    settings = Settings(
        Sizes(**given),
        policy=options["policy"],
        sample=options["sample"] or sample,
        replicas=options["replicas"] or replicas,
        curves=NAMES if options["curves"] and given["memory"] else (),
        primed=options["primed"],
        network=Network(
            options["rtt_ms"],
            options["kbits"],
            measured.tiers if measured else options["tier_ms"],
            options["api_ms"],
        ),
        measured=measured,
        start=options["start"],
        first_bytes=options["first_bytes"],
        prices=Prices(
            **{
                name.removeprefix("price_"): value
                for name, value in options.items()
                if name.startswith("price_")
            }
        ),
        warming=Warming(
            next_song=options["prefetch_next_song"],
            segments=options["prefetch_segments"],
            velocity=options["promote_velocity"],
            releases=options["push_releases"],
        ),
        seed=options["seed"],
    )
    for name, size in given.items():
        if 0 < size // settings.slices < 1 << 20:
            raise click.UsageError(
                f"--{name}: {size:,} bytes are too few to take 1:{settings.slices:,} of them"
            )
    return settings


def _compare(first: Path, second: Path, html: Path | None, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from edge_sim.simulator.report.compare import page, rows
    from edge_sim.simulator.report.documents import load

    before, after = load(first), load(second)
    if html is not None:
        html.write_text(page(before, after), encoding="utf-8")
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows(before, after)]))
    else:
        from rich.console import Console

        from edge_sim.report.comparison import on_terminal

        Console(highlight=False).print(on_terminal(list(rows(before, after))))
