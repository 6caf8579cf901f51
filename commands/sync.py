"""``tonearm sync``: presentations from one store to another."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from commands.context import Context
from media.text import one_line

if TYPE_CHECKING:
    from origin.sync import Step


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--song", "songs", multiple=True, metavar="ID", help="Only this one. May be repeated.")
@click.option("--dry-run", is_flag=True, help="Say what would be copied, and copy nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per song on standard output.")
@click.pass_obj
def sync(
    context: Context, source: str, target: str, songs: tuple[str, ...], dry_run: bool, as_json: bool
) -> int:
    """Copy what is published in one store to another: a folder, s3:… or minio:…

    Each song arrives whole, its pointer last, and is checked on the way. What is there already is not copied again. What the target has
    and the source has not stays. Exit code 3 when some songs failed.
    """
    import uvloop

    steps = uvloop.run(sync_all(source, target, songs, dry_run, as_json))
    if not as_json:
        counts = {
            name: sum(step.status == name for step in steps) for name in ("copied", "unchanged", "failed")
        }
        said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "no songs"
        size = sum(step.size for step in steps)
        context.console.print(f"{said}{' (dry run)' if dry_run else ''}, {size / 1e6:.1f} MB")
    return 3 if any(step.status == "failed" for step in steps) else 0


async def sync_all(
    source: str, target: str, songs: tuple[str, ...], dry_run: bool, as_json: bool
) -> list[Step]:
    from media.ports import ObjectStore
    from media.registry import open_store
    from media.song import check_song_id
    from origin.stores.dry import DryRun
    from origin.sync import sync as run

    for song in songs:
        check_song_id(song)
    stores: list[ObjectStore] = []
    try:
        stores += [open_store(source)]
        stores += [DryRun(open_store(target)) if dry_run else open_store(target)]
        steps = []
        async for step in run(*stores, songs=songs):
            steps.append(step)
            show(step, as_json)
        return steps
    finally:
        for store in stores:
            await store.close()


def show(step: Step, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(step)))
    elif step.status == "failed":
        click.echo(one_line(f"tonearm: {step.reason}"), err=True)
    elif step.status == "copied":
        click.echo(f"copied  {step.song_id}/{step.version}  {step.objects} objects", err=True)
