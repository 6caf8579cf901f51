"""``tonearm publish``: many masters, a few at a time, each with its own outcome."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.context import Context
from commands.masters import find_masters, same_bytes
from commands.reporter import Reporter
from edge_sim.options import HttpUrl

if TYPE_CHECKING:
    from drm.key_store import KeyStore
    from media.ports import ObjectInfo, ObjectStore
    from pipeline import Outcome, Recipe


@click.command()
@click.argument(
    "masters", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="MASTER|FOLDER…"
)
@click.option(
    "--to",
    required=True,
    metavar="STORE",
    help="A folder, file:…, s3://bucket/prefix?endpoint=… or minio://…",
)
@click.option(
    "--protect",
    type=click.Choice(["cbcs", "cenc", "aes-128", "none"]),
    default="cbcs",
    show_default=True,
    help="How segments are encrypted.",
)
@click.option(
    "--ladder",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file of renditions.  [default: four, 24 to 320 kbit/s]",
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Masters at a time.  [default: half the cores]")
@click.option(
    "--license-url", type=HttpUrl(), help="Licence server for the manifests.  [default: the edge's own]"
)
@click.option(
    "--song-id",
    help="The catalogue's id for the song, when there is one master.  [default: made of the master's bytes]",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Do all the work and write nothing: each object's key, size and headers on standard output.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per master on standard output.")
@click.pass_obj
def publish(
    context: Context,
    masters: tuple[Path, ...],
    to: str,
    protect: str,
    ladder: Path | None,
    jobs: int | None,
    license_url: str | None,
    song_id: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Publish masters, and folders of masters, to a store.

    A folder is searched recursively. What is published already costs no work. Exit code 0 when every master is published or unchanged, 3 when some were not.
    """
    import asyncio

    from ingest.ladder import DEFAULT_LADDER, load_ladder
    from media.song import check_song_id
    from pipeline import Recipe

    files = find_masters(masters)
    if not files:
        raise click.UsageError(f"no masters in {', '.join(map(str, masters))}")
    if song_id is not None:
        check_song_id(song_id)
        if len(files) != 1:
            raise click.UsageError(f"--song-id names one song, and here are {len(files)} masters")
    recipe = Recipe(
        ladder=load_ladder(ladder) if ladder else DEFAULT_LADDER,
        scheme=protect,
        license_url=license_url or "",
    )
    jobs = jobs or max(1, (os.cpu_count() or 2) // 2)
    reporter = Reporter(context, as_json, files)
    outcomes = asyncio.run(publish_all(context, files, to, recipe, jobs, song_id, reporter, dry_run))
    reporter.close(outcomes)
    return 0 if all(outcome.good for outcome in outcomes) else 3


async def publish_all(
    context: Context,
    files: list[Path],
    to: str,
    recipe: Recipe,
    jobs: int,
    song_id: str | None,
    reporter: Reporter,
    dry_run: bool,
) -> list[Outcome]:
    import asyncio

    from drm.key_store import Unkept
    from media.registry import open_store
    from origin.stores.dry import DryRun
    from pipeline import Services, publish_master

    store: ObjectStore = open_store(to)
    keys: KeyStore | Unkept = context.key_store()
    if dry_run:
        store, keys = DryRun(store), Unkept(keys)
    services = Services(store=store, keys=keys, ffmpeg=context.ffmpeg())
    free = asyncio.Semaphore(jobs)
    # One song is one master's bytes. Two files with the same would publish it in turn, each under its own file's name, in
    # this run and in every other one.
    twins = await asyncio.to_thread(same_bytes, files)
    running: dict[Path, asyncio.Task[Outcome]] = {}

    async def one(path: Path) -> Outcome:
        if path in twins:
            task = reporter.begin(path)
            outcome = twin_of(await running[twins[path]], path)
            reporter.end(task, outcome)
            return outcome
        async with free:
            task = reporter.begin(path)
            outcome = await publish_master(
                path,
                recipe=recipe,
                services=services,
                song_id=song_id,
                on_progress=lambda done, total: reporter.advance(task, done, total),
            )
            if dry_run and outcome.status == "published":
                outcome = replace(outcome, status="planned")
            reporter.end(task, outcome)
            return outcome

    try:
        with reporter.live():
            for path in files:
                running[path] = asyncio.create_task(one(path))
            outcomes = await asyncio.gather(*running.values())
        if isinstance(store, DryRun):
            show_notes(store.notes, reporter.as_json)
        return outcomes
    finally:
        await services.store.close()


def show_notes(notes: list[ObjectInfo], as_json: bool) -> None:
    """What a dry run would have written, an object a line."""
    for note in notes:
        told = {
            "key": note.key,
            "size": note.size,
            "media_type": note.media_type,
            "cache_control": note.cache_control,
        }
        click.echo(json.dumps(told) if as_json else "  ".join(map(str, told.values())))


def twin_of(outcome: Outcome, path: Path) -> Outcome:
    """What became of `path`, whose bytes are those of another master with this `outcome`."""
    same = replace(outcome, master=str(path), seconds=0.0)
    return (
        replace(same, status="unchanged", reason=f"the same bytes as {outcome.master}") if same.good else same
    )
