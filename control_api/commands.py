"""``tonearm api``: the control API alone, and what an operator decides about accounts."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Console

    from drm.key_store import KeyStore
    from origin.tokens import Keyring


class Context(Protocol):
    """The part of ``ctx.obj`` that these commands use."""

    @property
    def home(self) -> Path: ...

    @property
    def console(self) -> Console: ...

    def key_store(self) -> KeyStore: ...

    def token_keys(self) -> Keyring: ...


def _region(ctx: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not (
        len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()
    ):
        raise click.BadParameter("two capital letters, such as NO")
    return value


@click.group(invoke_without_command=True)
@click.option("--store", metavar="STORE", help="What `publish --to` was given.  [required to serve]")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8082, show_default=True, help="0: any free one."
)
@click.option("--database", metavar="URL", help="The API's records.  [default: SQLite below TONEARM_HOME]")
@click.option(
    "--edge-url",
    default="",
    metavar="URL",
    help="Where listeners reach the edge.  [default: the host they asked]",
)
@click.option(
    "--guests/--no-guests", default=True, show_default=True, help="Let people listen without an account."
)
@click.option(
    "--grant-minutes",
    type=click.IntRange(15, 30),
    default=20,
    show_default=True,
    help="How long a stream URL is good for.",
)
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=5.0,
    show_default=True,
    help="Seconds between two looks at the store.",
)
@click.option(
    "--first-bytes",
    "first_bytes_mb",
    type=click.IntRange(1, 1_000_000),
    default=256,
    show_default=True,
    metavar="MiB",
    help="Memory for the first bytes of songs, 10 kB each: a start whose song is in it waits for no store.",
)
@click.option(
    "--access-log/--no-access-log",
    default=True,
    show_default=True,
    help="A JSON line a request on standard error.",
)
@click.pass_context
def api(
    ctx: click.Context,
    store: str | None,
    host: str,
    port: int,
    database: str | None,
    edge_url: str,
    guests: bool,
    grant_minutes: int,
    interval: float,
    first_bytes_mb: int,
    access_log: bool,
) -> None:
    """Serve the control API until a signal ends it; or, with a command, show or change an account."""
    if ctx.invoked_subcommand is not None:
        return
    if store is None:
        raise click.UsageError("Missing option '--store'.")
    import uvloop

    from control_api.app import Api, routes
    from control_api.database import Database, default_url
    from control_api.sessions import load_session_key
    from media.registry import open_store
    from media.serving import application, log_json_lines, run

    context: Context = ctx.obj

    async def serve(store: str) -> None:
        opened = open_store(store)
        try:
            service = Api(
                store=opened,
                database=Database(database or default_url(context.home)),
                key_store=context.key_store(),
                token_keys=context.token_keys(),
                session_key=load_session_key(context.home),
                edge_url=edge_url,
                guests=guests,
                grant_s=grant_minutes * 60,
                interval_s=interval,
                first_bytes=first_bytes_mb << 20,
            )
            await run(
                application("api", routes(service)),
                host,
                port,
                ready=lambda bound: context.console.print(
                    f"API of {store} on http://{host}:{bound}/", markup=False, soft_wrap=True
                ),
            )
        finally:
            await opened.close()

    log_json_lines(access=access_log)
    uvloop.run(serve(store))


@api.command()
@click.argument("email")
@click.option("--role", type=click.Choice(["listener", "admin"]), help="An admin may set songs' rights.")
@click.option("--tier", type=click.Choice(["free", "premium"]), help="What the account may stream.")
@click.option("--region", metavar="CC", callback=_region, help="Where the account is: ISO 3166-1 alpha-2.")
@click.pass_context
def account(ctx: click.Context, email: str, role: str | None, tier: str | None, region: str | None) -> None:
    """Show the account of EMAIL, or change it.

    Exit code 2 when nobody registered with that address.
    """
    from control_api.accounts import change
    from control_api.database import Database, default_url

    context: Context = ctx.obj
    assert ctx.parent is not None
    url = ctx.parent.params["database"] or default_url(context.home)
    wanted = {"role": role, "tier": tier, "region": region}

    async def apply() -> None:
        database = Database(url)
        await database.open()
        try:
            changed = await change(database, email, **{k: v for k, v in wanted.items() if v is not None})
        finally:
            await database.close()
        click.echo(f"{changed.email}: {changed.role}, {changed.tier}, {changed.region or 'region unknown'}")

    asyncio.run(apply())
