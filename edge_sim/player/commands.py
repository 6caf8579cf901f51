"""``tonearm play``."""

from __future__ import annotations

import click

from edge_sim.options import HttpUrl


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
    default="hls",
    show_default=True,
    type=click.Choice(["hls", "hls-identity", "dash", "presentation"]),
    help="Which one of a grant's manifests to start from.",
)
@click.option(
    "--rendition",
    default="",
    help="The rendition to start with.  [default: the song's own choice]",
)
@click.option("--user", default="", metavar="EMAIL", help="Log in; without, enter as a guest.")
@click.option("--password", default="", help="Goes with --user; better in TONEARM_PLAY_PASSWORD.")
@click.option("--seed", type=int, help="At a server's root: play a random song instead of the first.")
@click.option(
    "--json", "as_json", is_flag=True, help="Every span in ms, as one JSON object on standard output."
)
def play(
    url: str,
    runs: int,
    target_ms: int,
    manifest: str,
    rendition: str,
    user: str,
    password: str,
    seed: int | None,
    as_json: bool,
) -> int:
    """Press play, again and again, and show where the time goes until the first audible sample.

    URL is a server's root, a song's /v1/songs/…/stream, or a manifest: .m3u8 (multivariant), .mpd or presentation.json.

    Exit code 0 when p95 of cold and warm starts meets the target, 10 when it does not.
    """
    import json

    import uvloop

    from edge_sim.player import play as starts
    from edge_sim.player.waterfall import Summary, by_kind

    waterfalls = uvloop.run(
        starts(
            url, runs=runs, rendition=rendition, manifest=manifest, user=user, password=password, seed=seed
        )
    )
    summaries = {kind: Summary.of(each) for kind, each in by_kind(waterfalls).items()}
    met = all(summary.meets(target_ms) for summary in summaries.values())
    if as_json:
        document: dict[str, object] = {"target_ms": target_ms, "met": met}
        document |= {kind: summary.to_dict() for kind, summary in summaries.items()}
        document["starts"] = [waterfall.to_dict() for waterfall in waterfalls]
        click.echo(json.dumps(document))
    else:
        from rich.console import Console

        from edge_sim.player.chart import chart

        Console(highlight=False).print(*chart(waterfalls, target_ms=target_ms))
    return 0 if met else 10
