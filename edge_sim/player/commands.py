"""``tonearm play``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_sim.abr import NAMES as ABRS
from edge_sim.options import HttpUrl, Milliseconds, Rate, Share
from media.errors import SettingsError

if TYPE_CHECKING:
    from edge_sim.links import Network

_FILE = click.Path(path_type=Path, dir_okay=False)
_NETWORKS = ("wifi", "4g", "3g", "lossy")


@click.command()
@click.argument("url", type=HttpUrl())
@click.option(
    "--runs",
    default=20,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Starts, cold and warm in turn.",
)
@click.option(
    "--target-ms", default=200, show_default=True, type=click.IntRange(1), help="What p95 is held against."
)
@click.option(
    "--manifest",
    default="bundle",
    show_default=True,
    type=click.Choice(["bundle", "hls", "hls-identity", "dash", "presentation"]),
    help="What a song of an API starts from: one start bundle, or one of a grant's manifests.",
)
@click.option(
    "--rendition",
    default="",
    help="The rendition to start with.  [default: the song's own choice]",
)
@click.option(
    "--abr",
    default="",
    type=click.Choice(["", *ABRS]),
    metavar="|".join(ABRS),
    help="Begin with what the starts before suggest, chosen so.",
)
@click.option("--user", default="", metavar="EMAIL", help="Log in; without, enter as a guest.")
@click.option("--password", default="", help="Goes with --user; better in TONEARM_PLAY_PASSWORD.")
@click.option("--seed", type=int, help="At a server's root: play a random song instead of the first.")
@click.option(
    "--network",
    type=click.Choice(_NETWORKS),
    help="Over a link like that.  [default: as near as the server is]",
)
@click.option("--rtt", type=Milliseconds(), help="Over a link with this round trip: 50ms.")
@click.option("--rate", type=Rate(), help="Over a link with this rate, both ways: 5mbit.")
@click.option("--loss", type=Share(), help="Over a link that loses this share of packets: 0.5%.")
@click.option("--html", type=_FILE, help="Write a report, one page with all its plots.")
@click.option(
    "--compare",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="A.json",
    help="With --html: an earlier run's --json, drawn beside this one.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Every span in ms, as one JSON object on standard output."
)
def play(
    url: str,
    runs: int,
    target_ms: int,
    manifest: str,
    rendition: str,
    abr: str,
    user: str,
    password: str,
    seed: int | None,
    network: str | None,
    rtt: int | None,
    rate: int | None,
    loss: float | None,
    html: Path | None,
    compare: Path | None,
    as_json: bool,
) -> int:
    """Press play, again and again, and show where the time goes until the first audible sample.

    URL is a server's root, a song's /v1/songs/…/start, or a manifest: .m3u8 (multivariant), .mpd or presentation.json.

    With --network, or --rtt, --rate and --loss, connections cross a link that is emulated below TCP (Linux, root); where that cannot be, one line says why, and times are computed.

    Exit code 0 when p95 of cold and warm starts meets the target, 10 when it does not.
    """
    import json
    from contextlib import nullcontext

    import uvloop

    from edge_sim.player import play as starts
    from edge_sim.player.network import Crossing
    from edge_sim.player.report import document

    before = _read(compare) if compare else None
    link = _link(network, rtt, rate, loss)
    with Crossing(link, seed=1 if seed is None else seed) if link else nullcontext() as crossing:
        if crossing and crossing.reason:
            click.echo(f"{crossing.reason}; times are computed", err=True)
        waterfalls = uvloop.run(
            starts(
                url,
                runs=runs,
                rendition=rendition,
                manifest=manifest,
                user=user,
                password=password,
                seed=seed,
                make_socket=crossing.make_socket if crossing else None,
                abr=abr,
            )
        )
    if crossing:
        waterfalls = crossing.crossed(waterfalls)
    made = document(waterfalls, target_ms=target_ms, crossing=crossing)
    if html is not None:
        from edge_sim.player.report import page

        html.write_text(page(made, before), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(made))
    else:
        from rich.console import Console

        from edge_sim.player.chart import chart

        Console(highlight=False).print(*chart(waterfalls, made))
    return 0 if made["met"] else 10


def _link(network: str | None, rtt: int | None, rate: int | None, loss: float | None) -> Network | None:
    """A network of that name, changed as asked; a link that nobody named has 50 ms and 5 Mbit/s."""
    from dataclasses import replace

    from edge_sim.links import NETWORKS, Network

    if (network, rtt, rate, loss) == (None, None, None, None):
        return None
    link = NETWORKS[network] if network else Network(rtt_ms=50, kbits=5000)
    if rtt is not None:
        link = replace(link, rtt_ms=rtt)
    if rate is not None:
        link = replace(link, kbits=rate, up_kbits=0)
    return link if loss is None else replace(link, loss=loss)


def _read(path: Path) -> dict[str, Any]:
    """A document of `--json`. Raises `SettingsError`."""
    import json

    try:
        made = json.loads(path.read_bytes())
        if not all(isinstance(start["total_ms"], float | int) for start in made["starts"]):
            raise ValueError
    except (ValueError, LookupError, TypeError):
        raise SettingsError(f"{path}: not what `tonearm play --json` writes") from None
    return dict(made)
