"""``tonearm serve``: the whole data plane in one process, each part speaking HTTP to the next.

    listener ──▶ :8080  player page, /v1 and licences, edge ──▶ 127.0.0.1:free  origin ──▶ store

The edge reaches the origin over a real connection on loopback, exactly as it would from another machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.context import Context
from edge_sim.options import Size, read_tls, tls_options

if TYPE_CHECKING:
    from control_api.app import Api
    from media.ports import ObjectStore
    from media.tls import Tls


@click.command()
@click.option("--store", "store_url", required=True, metavar="STORE", help="What `publish --to` was given.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option("--memory", default="256MB", show_default=True, type=Size(), help="The edge cache's budget.")
@click.option(
    "--edge-url",
    default="",
    metavar="URL",
    help="Where listeners reach this server, behind a proxy say.  [default: the host they asked]",
)
@click.option(
    "--guests/--no-guests", default=True, show_default=True, help="Let people listen without an account."
)
@click.option(
    "--database", default="", metavar="URL", help="The API's records.  [default: SQLite below TONEARM_HOME]"
)
@click.option(
    "--access-log/--no-access-log",
    default=False,
    show_default=True,
    help="A JSON line a request on standard error.",
)
@tls_options
@click.pass_obj
def serve(
    context: Context,
    store_url: str,
    host: str,
    port: int,
    memory: int,
    edge_url: str,
    guests: bool,
    database: str,
    access_log: bool,
    certificate: Path | None,
    private_key: Path | None,
) -> None:
    """Serve a store: origin, edge, control API and player page, until a signal ends it."""
    import uvloop

    from control_api.app import Api
    from control_api.database import Database, default_url
    from control_api.sessions import load_session_key
    from media.registry import open_store
    from media.serving import log_json_lines

    tls = read_tls(certificate, private_key)
    log_json_lines(access=access_log)
    store = open_store(store_url)
    api = Api(
        store=store,
        database=Database(database or default_url(context.home)),
        key_store=context.key_store(),
        token_keys=context.token_keys(),
        session_key=load_session_key(context.home),
        edge_url=edge_url,
        guests=guests,
    )
    uvloop.run(_serve(context, store, api, host, port, memory, tls))


async def _serve(
    context: Context, store: ObjectStore, api: Api, host: str, port: int, memory: int, tls: Tls | None
) -> None:
    import control_api.app
    import edge_sim.edge.app
    import origin.app
    import web
    from media.serving import application, listening, run

    try:
        async with listening(application("origin", origin.app.routes(store)), "127.0.0.1", 0) as origin_port:
            front = application(
                "edge",
                edge_sim.edge.app.routes(
                    origin_url=f"http://127.0.0.1:{origin_port}", keys=api.token_keys, memory=memory
                ),
                control_api.app.routes(api),
                web.routes(),
            )

            def ready(bound: int) -> None:
                # The catalogue has looked at the store by now: a mistyped one shows as an empty one.
                songs = len(api.catalogue.entries) or "no"
                said = f"listen at http{'s' * (tls is not None)}://{host}:{bound}/ ({songs} song{'' if songs == 1 else 's'})"
                context.console.print(said, soft_wrap=True)

            await run(front, host, port, ready=ready, tls=tls)
    finally:
        await store.close()
