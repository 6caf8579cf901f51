"""``tonearm origin``: the origin alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Console

    from media.tally import Tally
    from origin.app import Options


class Context(Protocol):
    """The part of ``ctx.obj`` that this command uses."""

    @property
    def console(self) -> Console: ...


@click.command()
@click.option("--store", required=True, metavar="STORE", help="What `publish --to` was given.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8081, show_default=True, help="0: any free one."
)
@click.option(
    "--access-log/--no-access-log",
    default=True,
    show_default=True,
    help="A JSON line a request on standard error.",
)
@click.option(
    "--workers", type=click.IntRange(1, 256), help="Processes on that port.  [default: one for each core]"
)
@click.option(
    "--drain",
    type=click.IntRange(0, 600),
    default=1,
    show_default=True,
    metavar="SECONDS",
    help="After a signal: how long connections are still answered, and told to go elsewhere.",
)
@click.option(
    "--steering",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Content steering: a TOML file with `ttl` and `priority`. Read again when it changes.",
)
@click.option(
    "--store-calls",
    type=click.IntRange(1, 10_000),
    default=64,
    show_default=True,
    help="How many calls a worker makes to the store at a time.",
)
@click.option(
    "--store-queue",
    type=click.IntRange(0, 100_000),
    default=1024,
    show_default=True,
    help="How many requests of a worker wait for that; those beyond get a 503.",
)
@click.option(
    "--store-timeout",
    type=click.IntRange(1, 600),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long the store may take to answer.",
)
@click.option(
    "--fast-path/--no-fast-path",
    default=True,
    show_default=True,
    help="Answer plain requests for files past most of aiohttp.",
)
@click.pass_obj
def origin(
    context: Context,
    store: str,
    host: str,
    port: int,
    access_log: bool,
    workers: int | None,
    drain: int,
    steering: Path | None,
    store_calls: int,
    store_queue: int,
    store_timeout: int,
    fast_path: bool,
) -> None:
    """Serve what was published, byte for byte, to edges and players, until a signal ends it.

    It asks nobody for a token: let only edges reach it.
    """
    from media.registry import open_store
    from media.serving import log_json_lines
    from media.tally import Tally
    from media.workers import Worker, cores, raise_file_limit, run_workers
    from origin.app import Options
    from origin.metrics import Metrics
    from origin.reading import Limits
    from origin.steering import load

    log_json_lines(access=access_log)
    options = Options(
        fast_path=fast_path,
        steering=steering,
        limits=Limits(calls=store_calls, queue=store_queue, patience_s=float(store_timeout)),
    )
    open_store(store)  # a name that makes no sense is said here, once
    if steering is not None:
        load(steering)

    def announce(bound: int) -> None:
        # One line however long the store's name is, and no markup in it.
        context.console.print(f"origin of {store} on http://{host}:{bound}/", markup=False, soft_wrap=True)

    raise_file_limit()
    count = workers or cores()
    tally = Tally(Metrics.CELLS, rows=count + 1)

    def work(worker: Worker) -> None:
        _serve(store, options, host, worker.port, drain, tally, worker.number, worker.ready, worker.lifeline)

    if count == 1:
        _serve(store, options, host, port, drain, tally, 0, announce, None)
    else:
        parent = Metrics(tally, count)
        run_workers(count, host, port, work, ready=announce, restarted=lambda: parent.add("worker_restarts"))


def _serve(
    url: str,
    options: Options,
    host: str,
    port: int,
    drain: int,
    tally: Tally,
    number: int,
    ready: Callable[[int], None],
    lifeline: int | None,
) -> None:
    """One process that serves, as the only one or as one of several."""
    import uvloop

    from media.registry import open_store
    from media.serving import application, run
    from origin.app import routes

    async def serve() -> None:
        store = open_store(url)
        app = application("origin", routes(store, options, tally=tally, worker=number))
        try:
            await run(
                app,
                host,
                port,
                ready=ready,
                shared=lifeline is not None,
                drain_s=float(drain),
                lifeline=lifeline,
            )
        finally:
            await store.close()

    uvloop.run(serve())
