"""``tonearm edge`` and ``tonearm play``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import click

from edge_sim.options import HttpUrl, Size

if TYPE_CHECKING:
    from rich.console import Console

    from origin.tokens import TokenKeys


class _Context(Protocol):
    @property
    def console(self) -> Console: ...

    def token_keys(self) -> TokenKeys: ...


@click.command()
@click.option("--origin", required=True, type=HttpUrl(), help="Where the objects come from.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option("--memory", default="256MB", show_default=True, type=Size(), help="The cache's budget.")
@click.option("--api", type=HttpUrl(), help="The control API, whose paths then pass through.")
@click.option("--access-log/--no-access-log", default=True, help="A JSON line a request on standard error.")
@click.pass_obj
def edge(
    context: _Context, origin: str, host: str, port: int, memory: int, api: str | None, access_log: bool
) -> None:
    """Serve as a caching edge in front of an origin, until a signal ends it."""
    import uvloop

    from edge_sim.edge import routes
    from media.serving import application, log_json_lines, run

    log_json_lines(access=access_log)
    app = application(
        "edge", routes(origin_url=origin, keys=context.token_keys(), memory=memory, api_url=api)
    )
    uvloop.run(
        run(
            app,
            host,
            port,
            ready=lambda bound: context.console.print(f"edge of {origin} on http://{host}:{bound}/"),
        )
    )
