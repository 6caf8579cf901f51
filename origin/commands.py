"""``tonearm origin``: the origin alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from rich.console import Console


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
@click.pass_obj
def origin(context: Context, store: str, host: str, port: int, access_log: bool) -> None:
    """Serve what was published, byte for byte, to edges and players, until a signal ends it.

    It asks nobody for a token: let only edges reach it.
    """
    import uvloop

    from media.registry import open_store
    from media.serving import application, log_json_lines, run
    from origin.app import routes

    log_json_lines(access=access_log)
    opened = open_store(store)

    def announce(bound: int) -> None:
        # One line however long the store's name is, and no markup in it.
        context.console.print(f"origin of {store} on http://{host}:{bound}/", markup=False, soft_wrap=True)

    async def serve() -> None:
        try:
            await run(application("origin", routes(opened)), host, port, ready=announce)
        finally:
            await opened.close()

    uvloop.run(serve())
