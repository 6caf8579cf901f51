"""``tonearm crowd``."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_sim.abr import NAMES
from edge_sim.crowd.options import MIX, Clock, Faults, Mix, Regions, networks
from edge_sim.options import HttpUrl, Share

if TYPE_CHECKING:
    from edge_sim.crowd.settings import Settings

FAULTS = (
    "origin-down",
    "api-down",
    "store-slow",
    "edge-killed",
    "region-lost",
    "corrupt-segment",
    "keys-expired",
)
_FILE = click.Path(path_type=Path, dir_okay=False)
_THERE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@click.argument("url", type=HttpUrl(), required=False)
@click.option(
    "--listeners",
    default=100,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="At a time, on average.",
)
@click.option(
    "--minutes", default=1.0, show_default=True, type=click.FloatRange(0.05, 10_000), help="How long."
)
@click.option(
    "--regions",
    type=Regions(),
    help="Instead of URL: NAME[:SHARE[:HOURS FROM UTC]][@NETWORK]=EDGE'S URL;…",
)
@click.option(
    "--network", type=MIX, help="What lies between, modelled: wifi:5,4g:3,…  [default: loopback as it is]"
)
@click.option(
    "--abr", default="throughput", show_default=True, type=click.Choice(NAMES), help="How they adapt."
)
@click.option(
    "--players",
    default="bundle:6,hls:3,dash:1",
    show_default=True,
    type=Mix(("bundle", "presentation", "hls", "dash")),
    help="What they play with.",
)
@click.option(
    "--speed",
    default=1,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Music plays so many times as fast while nothing is on its way; waiting stays real.",
)
@click.option("--from", "begin", type=Clock(), help="Follow the day's curve from this time on (UTC).")
@click.option(
    "--decode", default="5%", show_default=True, type=Share(), help="Of how many starts the sound is decoded."
)
@click.option(
    "--target-ms", default=200, show_default=True, type=click.IntRange(1), help="95 % of starts within."
)
@click.option(
    "--target-rebuffering", default="0.5%", show_default=True, type=Share(), help="Of the time, at most."
)
@click.option(
    "--target-failed",
    default="0.1%",
    show_default=True,
    type=Share(),
    help="Of the starts, at most, or given up.",
)
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0), help="Who comes when, and wants what."
)
@click.option(
    "--chaos",
    type=Faults(FAULTS),
    help=f"Instead of URL: on a stage of its own, with faults one after another, or at once with +: {', '.join(FAULTS)}.",
)
@click.option("--compare", type=_THERE, metavar="OTHER.json", help="Say what changed since that run.")
@click.option("--html", type=_FILE, help="Write a report, one page with all its plots.")
@click.option("--json", "as_json", is_flag=True, help="All numbers as one JSON object on standard output.")
def crowd(
    url: str | None,
    chaos: tuple[str, ...] | None,
    compare: Path | None,
    html: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Thousands of virtual listeners: real HTTP, each over connections of its own, and what they noticed.

    URL is a served store's root; several edges are --regions. Only loopback and private addresses.

    With --chaos it makes a small catalogue and starts origin, shield, API and edges of two regions of its own; every start is then decoded.

    Exit code 0 when all targets are met (with --chaos: when all was well again after each fault), 10 when one is missed or the generator
    itself was too slow to be believed.
    """
    import json

    import uvloop

    from edge_sim.crowd.chaos.run import run_with
    from edge_sim.crowd.document import load
    from edge_sim.crowd.run import run
    from media.workers import raise_file_limit

    settings = _settings(url, chaos, options)
    before = load(compare) if compare else None
    raise_file_limit()
    go = run if chaos is None else partial(run_with, faults=chaos)
    if as_json:
        document = uvloop.run(go(settings))
    else:
        from rich.console import Console

        from edge_sim.crowd.report.live import Live

        with Live(settings, Console(stderr=True)) as live:
            document = uvloop.run(go(settings, progress=live.show))
    if html is not None:
        from edge_sim.crowd.report.page import page

        html.write_text(page(document, before), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(document))
    else:
        from edge_sim.crowd.report.summary import summary

        Console(highlight=False).print(*summary(document, before))
    return 0 if document["verdict"]["met"] else 10


def _settings(url: str | None, chaos: tuple[str, ...] | None, options: dict[str, Any]) -> Settings:
    from edge_sim.crowd.settings import Place, Settings, Targets

    between = networks(options["network"] or ())
    places = options["regions"] or ()
    if sum(map(bool, (url, places, chaos))) != 1:
        raise click.UsageError("one of URL, --regions and --chaos")
    if not places:
        places = (Place("here", url or ""),)  # with faults, the stage has its own
    return Settings(
        tuple(place if place.networks else replace(place, networks=between) for place in places),
        options["listeners"],
        max(1, round(options["minutes"] * 60)),
        abr=options["abr"],
        clients=dict(options["players"]),
        speed=options["speed"],
        begin_minute=options["begin"],
        decode=1.0 if chaos else options["decode"],
        targets=Targets(options["target_ms"], options["target_rebuffering"], options["target_failed"]),
        seed=options["seed"],
        apart=bool(chaos) or all("//127." in place.url or "//localhost" in place.url for place in places),
    )
