"""``tonearm edge`` and ``tonearm play``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from edge_sim.options import HttpUrl, Size
from edge_sim.policies import DEFAULT, NAMES

if TYPE_CHECKING:
    from rich.console import Console

    from edge_sim.carried import Carry
    from origin.tokens import Keyring


class _Context(Protocol):
    @property
    def console(self) -> Console: ...

    def token_keys(self) -> Keyring: ...


@click.command()
@click.option("--origin", required=True, type=HttpUrl(), help="Where the objects come from.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option("--memory", default="256MB", show_default=True, type=Size(), help="The cache's budget.")
@click.option(
    "--policy",
    default=DEFAULT,
    show_default=True,
    type=click.Choice(NAMES),
    help="Which object leaves when memory is full.",
)
@click.option("--api", type=HttpUrl(), help="A control API: /v1, licences and keys then pass through to it.")
@click.option(
    "--signing",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A signing file: signatures of Akamai's and CloudFront's kinds open songs, too.",
)
@click.option(
    "--carry",
    default="rewrite",
    show_default=True,
    type=click.Choice(["rewrite", "define"]),
    help="How manifests carry a signed query on: in every address, or by EXT-X-DEFINE and UrlQueryInfo.",
)
@click.option("--behind-proxy", is_flag=True, help="Listeners' addresses are in X-Real-IP.")
@click.option(
    "--access-log/--no-access-log",
    default=True,
    show_default=True,
    help="A JSON line a request on standard error.",
)
@click.pass_obj
def edge(
    context: _Context,
    origin: str,
    host: str,
    port: int,
    memory: int,
    policy: str,
    api: str | None,
    signing: Path | None,
    carry: Carry,
    behind_proxy: bool,
    access_log: bool,
) -> None:
    """Serve as a caching edge in front of an origin, until a signal ends it.

    GET /verify answers other servers, such as nginx and Varnish, whether a request may have what it asks for.
    """
    import uvloop

    from edge_sim.edge import routes
    from media.serving import application, log_json_lines, run
    from origin.signing.settings import read_gate_signers
    from origin.signing.watched import Watched

    log_json_lines(access=access_log)
    table = routes(
        origin_url=origin,
        keys=context.token_keys(),
        memory=memory,
        policy=policy,
        api_url=api,
        signers=Watched(signing, read_gate_signers) if signing else None,
        carry=carry,
        behind_proxy=behind_proxy,
    )
    app = application("edge", table)
    uvloop.run(
        run(
            app,
            host,
            port,
            ready=lambda bound: context.console.print(f"edge of {origin} on http://{host}:{bound}/"),
        )
    )


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
