"""``tonearm edge``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

import click

from edge_sim.options import DiskSpace, HttpUrl, PerSecond, Region, Size, on_loopback, read_tls, tls_options
from edge_sim.policies import DEFAULT, NAMES

if TYPE_CHECKING:
    from rich.console import Console

    from edge_sim.edge.carried import Carry
    from media.serving import Routes
    from media.tls import Tls
    from origin.tokens import Keyring


class _Context(Protocol):
    @property
    def console(self) -> Console: ...

    def token_keys(self) -> Keyring: ...


@click.command()
@click.option(
    "--origin",
    "origins",
    required=True,
    multiple=True,
    type=HttpUrl(),
    help="Where the objects come from; several share the paths.",
)
@click.option(
    "--shield",
    "shields",
    multiple=True,
    type=HttpUrl(),
    help="A cache before the origins, such as an edge with --as-shield; several share the paths.",
)
@click.option("--region", default="", type=Region(), help="This edge is tonearm-REGION in Cache-Status.")
@click.option(
    "--as-shield",
    is_flag=True,
    help="Open /songs/… without a token, as an origin does. Let only other edges reach it.",
)
@click.option(
    "--health-checks/--no-health-checks",
    default=True,
    show_default=True,
    help="Ask origins and shields for /healthz every few seconds.",
)
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
    help="Which object leaves when memory or disk is full.",
)
@click.option(
    "--disk",
    type=DiskSpace(),
    metavar="DIR:SIZE",
    help="A folder for more objects, still there after a restart, such as /var/cache/tonearm:20GB. One edge uses it at a time.",
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
@click.option(
    "--control",
    "control_port",
    type=click.IntRange(1, 65535),
    metavar="PORT",
    help="Open a door for operators there: purge, warm, status. Let no listener reach it.",
)
@click.option(
    "--control-host",
    default="127.0.0.1",
    show_default=True,
    help="The address of that door; off loopback it needs --control-token.",
)
@click.option(
    "--control-token",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file, readable by nobody else, with the token that operators must show.",
)
@click.option(
    "--prefetch-segments",
    show_default="2, of a shield 0",
    type=click.IntRange(0, 16),
    help="Segments fetched ahead of a listener who begins or misses; 0: none.",
)
@click.option(
    "--prefetch-next-song/--no-prefetch-next-song",
    default=True,
    show_default=True,
    help="Fetch what players announce (CMCD nor).",
)
@click.option(
    "--promote-velocity",
    default=60,
    show_default=True,
    type=click.IntRange(0),
    help="Streams a minute from which a song is fetched whole and held in memory for a while; 0: never.",
)
@click.option(
    "--popular-from",
    default="",
    metavar="URL|FILE",
    help="Begin with what is played most elsewhere: a neighbour's control door, or a file of --popular-to.",
)
@click.option(
    "--warm-popular",
    default=100,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="How many songs of --popular-from.",
)
@click.option(
    "--popular-to",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what is played most here to a file, every ten minutes.",
)
@click.option(
    "--client-requests",
    default=0,
    show_default="no limit",
    type=PerSecond(),
    help="Requests a second from one address, such as 50/s; of IPv6 from one /64.",
)
@click.option(
    "--client-connections",
    default=0,
    show_default="no limit",
    type=click.IntRange(0),
    help="Connections at a time from one address.",
)
@click.option(
    "--fast-path/--no-fast-path",
    default=True,
    show_default=True,
    help="Answer plain requests for what is in memory past most of aiohttp.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    help="Processes on that port, which share the memory's budget.  [default: one for each core]",
)
@click.option(
    "--drain",
    type=click.IntRange(0, 600),
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="After a signal: how long connections are still answered, and told to go elsewhere.",
)
@tls_options
@click.pass_obj
def edge(
    context: _Context,
    origins: tuple[str, ...],
    shields: tuple[str, ...],
    region: str,
    as_shield: bool,
    health_checks: bool,
    host: str,
    port: int,
    memory: int,
    policy: str,
    disk: tuple[Path, int] | None,
    api: str | None,
    signing: Path | None,
    carry: Carry,
    behind_proxy: bool,
    access_log: bool,
    control_port: int | None,
    control_host: str,
    control_token: Path | None,
    prefetch_segments: int | None,
    prefetch_next_song: bool,
    promote_velocity: int,
    popular_from: str,
    warm_popular: int,
    popular_to: Path | None,
    client_requests: int,
    client_connections: int,
    fast_path: bool,
    workers: int | None,
    drain: int,
    certificate: Path | None,
    private_key: Path | None,
) -> None:
    """Serve as a caching edge in front of an origin, until a signal ends it.

    GET /verify answers other servers, such as nginx and Varnish, whether a request may have what it asks for.
    """
    from drm.options import read_token
    from edge_sim.edge.app import routes
    from edge_sim.edge.clock import unix_ms
    from edge_sim.edge.control import Door
    from edge_sim.edge.limits import Limits
    from edge_sim.edge.metrics import Metrics
    from edge_sim.edge.siblings import Siblings, shards_of
    from edge_sim.edge.upstreams.ask import Topology
    from edge_sim.edge.warming.neighbours import Neighbours
    from edge_sim.edge.warming.warming import Settings
    from media.serving import log_json_lines
    from media.tally import Tally
    from media.workers import Worker, cores, raise_file_limit, run_workers
    from origin.signing.settings import read_gate_signers
    from origin.signing.watched import Watched

    if behind_proxy and client_connections:
        raise click.UsageError("--client-connections counts a proxy's connections with --behind-proxy")
    token = "" if control_token is None else read_token(control_token, None)
    if control_port and not token and not on_loopback(control_host):
        raise click.UsageError(f"--control-host {control_host} needs --control-token")
    tls = read_tls(
        certificate, private_key
    )  # before workers are forked: they take each other's session tickets
    log_json_lines(access=access_log)
    topology = Topology(
        # A server that is named twice is one server.
        tuple(dict.fromkeys(each.rstrip("/") for each in origins)),
        tuple(dict.fromkeys(each.rstrip("/") for each in shields)),
        region or ("shield" if as_shield else ""),
        health_checks,
    )
    if prefetch_segments is None:  # a shield is asked ahead by its edges already
        prefetch_segments = 0 if as_shield else 2
    warming = Settings(prefetch_segments, prefetch_next_song, promote_velocity)
    neighbours = Neighbours(popular_from, warm_popular, popular_to, token)
    keys = context.token_keys()
    signers = Watched(signing, read_gate_signers) if signing else None
    count = workers or cores()
    tally = Tally(Metrics.CELLS, rows=count + 1)

    def table(worker: int, siblings: Siblings | None) -> Routes:
        return routes(
            origin_url=topology,
            keys=keys,
            memory=memory // count,
            policy=policy,
            api_url=api,
            signers=signers,
            carry=carry,
            behind_proxy=behind_proxy,
            as_shield=as_shield,
            # One worker has the door; what it is told, it tells its siblings.
            control=Door(control_port, control_host, token) if control_port and not worker else None,
            warming=warming,
            neighbours=None if worker else neighbours,
            limits=Limits(unix_ms, requests=client_requests, connections=client_connections)
            if client_requests or client_connections
            else None,
            fast_path=fast_path,
            tally=tally,
            worker=worker,
            siblings=siblings,
            disk=disk,
            shards=shards_of(worker, count),
        )

    def announce(bound: int) -> None:
        # One line however many origins there are, and no markup in it.
        said = f"edge of {', '.join(origins)} on http{'s' * (tls is not None)}://{host}:{bound}/"
        context.console.print(said, markup=False, soft_wrap=True)

    raise_file_limit()
    if count == 1:
        _serve(table(0, None), host, port, drain, tls, announce, None)
        return
    parent = Metrics(None, tally, count)
    # mkdtemp makes it for its owner alone: whoever reaches the sockets in it needs no token.
    with TemporaryDirectory(prefix="tonearm-edge-") as folder:

        def work(worker: Worker) -> None:
            siblings = Siblings(Path(folder), number=worker.number, count=count)
            _serve(
                table(worker.number, siblings), host, worker.port, drain, tls, worker.ready, worker.lifeline
            )

        run_workers(count, host, port, work, ready=announce, restarted=parent.restarts.inc)


def _serve(
    table: Routes,
    host: str,
    port: int,
    drain: int,
    tls: Tls | None,
    ready: Callable[[int], None],
    lifeline: int | None,
) -> None:
    """One process that serves, as the only one or as one of several."""
    import uvloop

    from media.serving import application, run

    uvloop.run(
        run(
            application("edge", table),
            host,
            port,
            ready=ready,
            shared=lifeline is not None,
            drain_s=float(drain),
            lifeline=lifeline,
            tls=tls,
        )
    )
