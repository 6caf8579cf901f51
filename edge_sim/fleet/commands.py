"""``tonearm warm`` and ``tonearm purge``: what content engineers tell all edges at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

from edge_sim.options import HttpUrl
from media.errors import UpstreamFailed
from media.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

    from edge_sim.fleet.doors import Doors

_PATIENCE_MS = 600_000


class _Context(Protocol):
    @property
    def console(self) -> Console: ...


class _Time(click.ParamType[int]):
    """A moment, in ms since 1970: ``2026-12-04T00:00Z``, ``2026-12-04T00:00+01:00``."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-12-04T00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} needs its zone: Z, or +01:00", param, ctx)
        return int(moment.astimezone(UTC).timestamp() * 1000)


_edges = click.option(
    "--edge",
    "edges",
    required=True,
    multiple=True,
    type=HttpUrl(),
    help="The control door of an edge (`edge --control`). May be repeated.",
)
_token_file = click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What the edges have as --control-token.",
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object an edge on standard output.")


@click.command()
@_edges
@_token_file
@click.option("--path", "paths", multiple=True, metavar="PATH", help="An object. May be repeated.")
@click.option("--soft", is_flag=True, help="Only mark it stale: the origin is asked before it is sent again.")
@_json
@click.argument("songs", nargs=-1, metavar="SONG…")
@click.pass_obj
def purge(
    context: _Context,
    edges: tuple[str, ...],
    token_file: Path | None,
    paths: tuple[str, ...],
    soft: bool,
    as_json: bool,
    songs: tuple[str, ...],
) -> int:
    """Take songs out of edges: a song id, or one version of it as ID/VERSION.

    Published versions never change, so this is for what must not be heard any more, not for updates. Shields and edges both have to be told, shields
    first. Exit code 3 when an edge could not be told.
    """
    if not songs and not paths:
        raise click.UsageError("nothing to purge: name a song, or a --path")
    order = {"songs": songs, "paths": paths, "soft": soft}

    async def one(doors: Doors, edge: str) -> dict[str, Any]:
        return {"purged": await doors.purge(edge, order)}

    return _all(context, edges, token_file, one, as_json, lambda found: f"{found['purged']} objects purged")


@click.command()
@_edges
@_token_file
@click.option("--all", "whole", is_flag=True, help="All segments, not only what a start needs.")
@click.option(
    "--rendition", "renditions", multiple=True, metavar="NAME", help="Only this one. May be repeated."
)
@click.option("--path", "paths", multiple=True, metavar="PATH", help="An object. May be repeated.")
@click.option(
    "--before",
    type=_Time(),
    help="When listeners come: until then edges that do not answer are asked again.  [default: in ten minutes]",
)
@_json
@click.argument("songs", nargs=-1, metavar="SONG…")
@click.pass_obj
def warm(
    context: _Context,
    edges: tuple[str, ...],
    token_file: Path | None,
    whole: bool,
    renditions: tuple[str, ...],
    paths: tuple[str, ...],
    before: int | None,
    as_json: bool,
    songs: tuple[str, ...],
) -> int:
    """Have edges fetch songs before anybody asks: a song id, or one version of it as ID/VERSION.

    Manifests, headers and first segments of each rendition, or with --all everything. Without a version it is the one that is published now. Exit code 3
    when an edge has not all of it in time.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from edge_sim.edge.clock import unix_ms

    if not songs and not paths:
        raise click.UsageError("nothing to warm: name a song, or a --path")
    before_ms = unix_ms() + _PATIENCE_MS if before is None else before
    order = {
        "songs": songs,
        "paths": paths,
        "extent": "all" if whole else "start",
        "renditions": renditions,
    }
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=context.console, transient=True) as progress:
        bars = {edge: progress.add_task(edge, total=None) for edge in edges}

        async def one(doors: Doors, edge: str) -> dict[str, Any]:
            def tell(job: dict[str, Any]) -> None:
                done = sum(job[name] for name in ("fetched", "had", "missing", "failed"))
                progress.update(bars[edge], total=job["total"] or None, completed=done)

            job = await doors.warm(edge, order, before_ms, tell)
            if trouble := job["trouble"] or _lacking(job):
                raise UpstreamFailed(f"{edge}: {'; '.join(trouble)}")
            return job

        return _all(
            context,
            edges,
            token_file,
            one,
            as_json,
            lambda job: f"{job['fetched']} objects fetched, {job['had']} were there",
        )


def _lacking(job: dict[str, Any]) -> list[str]:
    return [f"{job[name]} objects {name}" for name in ("missing", "failed") if job[name]]


def _all(
    context: _Context,
    edges: tuple[str, ...],
    token_file: Path | None,
    one: Callable[[Doors, str], Awaitable[dict[str, Any]]],
    as_json: bool,
    said: Callable[[dict[str, Any]], str],
) -> int:
    """Ask all `edges` at once and say what came of it; 3 when one of them failed."""
    from drm.options import read_token

    token = read_token(token_file, None)
    found = asyncio.run(_ask([edge.rstrip("/") for edge in edges], token, one))
    for edge, answer in found.items():
        failed = isinstance(answer, UpstreamFailed)
        if as_json:
            click.echo(json.dumps({"edge": edge, **({"error": str(answer)} if failed else answer)}))
        elif failed:
            click.echo(one_line(f"tonearm: {answer}"), err=True)
        else:
            context.console.print(f"{edge}: {said(answer)}", soft_wrap=True)
    return 3 if any(isinstance(answer, UpstreamFailed) for answer in found.values()) else 0


async def _ask(
    edges: list[str], token: str, one: Callable[[Doors, str], Awaitable[dict[str, Any]]]
) -> dict[str, Any]:
    """By edge what `one` brings, or the `UpstreamFailed` that it raises."""
    import aiohttp

    from edge_sim.edge.clock import unix_ms
    from edge_sim.fleet.doors import Doors

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=30)) as session:
        doors = Doors(session, unix_ms)

        async def safely(edge: str) -> dict[str, Any] | UpstreamFailed:
            try:
                return await one(doors, edge)
            except UpstreamFailed as error:
                return error

        return dict(zip(edges, await asyncio.gather(*map(safely, edges)), strict=True))
