"""``tonearm publish``: many masters, a few at a time, each with its own outcome."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.context import Context
from commands.reporter import Reporter
from edge_sim.options import HttpUrl

if TYPE_CHECKING:
    from pipeline import Outcome, Recipe

SUFFIXES = frozenset(
    [
        ".aac",
        ".aif",
        ".aifc",
        ".aiff",
        ".alac",
        ".ape",
        ".caf",
        ".flac",
        ".m4a",
        ".mka",
        ".mp3",
        ".mp4",
        ".oga",
        ".ogg",
        ".opus",
        ".tta",
        ".w64",
        ".wav",
        ".wave",
        ".wma",
        ".wv",
    ]
)


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
    as_json: bool,
) -> int:
    """Publish masters, and folders of masters, to a store.

    A folder is searched recursively. What is published already costs no work. Exit code 0 when every master is published or unchanged, 3 when some were not.
    """
    import asyncio

    from ingest.ladder import DEFAULT_LADDER, load_ladder
    from media.song import check_song_id
    from pipeline import Recipe

    files = list(find_masters(masters))
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
    outcomes = asyncio.run(publish_all(context, files, to, recipe, jobs, song_id, reporter))
    reporter.close(outcomes)
    return 0 if all(outcome.good for outcome in outcomes) else 3


def find_masters(given: tuple[Path, ...]) -> list[Path]:
    """Files as given, folders recursively by suffix, in a stable order and each once. What is hidden is left out.

    A folder that cannot be read stands in for what may be in it, and is refused like a file that cannot be read.
    """
    found: dict[Path, None] = {}
    for path in given:
        found.update(dict.fromkeys(sorted(inside(path)) if path.is_dir() else [path]))
    return list(found)


def inside(folder: Path) -> Iterator[Path]:
    """The masters in a folder and below, in no order."""
    closed: list[Path] = []
    for path, folders, files in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for file in (Path(path, name) for name in files if not name.startswith(".")):
            if file.suffix.lower() in SUFFIXES and is_file(file):
                yield file
    yield from closed


def is_file(path: Path) -> bool:
    """Whether it is a file, or may be one as far as the operating system lets us look."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError as error:
        return not isinstance(error, FileNotFoundError)


def same_bytes(files: list[Path]) -> dict[Path, Path]:
    """Every file that holds the very bytes of an earlier one, and that one. Only files of equal size are read."""
    from ingest.files import open_master, sha256
    from media.errors import MasterRejected

    by_size: dict[int, list[Path]] = {}
    for path in files:
        with suppress(OSError):
            if stat.S_ISREG((status := path.stat()).st_mode):
                by_size.setdefault(status.st_size, []).append(path)
    found: dict[Path, Path] = {}
    for group in by_size.values():
        firsts: dict[str, Path] = {}
        for path in group if len(group) > 1 else ():
            with suppress(MasterRejected):  # its own probe will say so
                file, _ = open_master(path)
                with file:
                    first = firsts.setdefault(sha256(file), path)
                if first != path:
                    found[path] = first
    return found


async def publish_all(
    context: Context,
    files: list[Path],
    to: str,
    recipe: Recipe,
    jobs: int,
    song_id: str | None,
    reporter: Reporter,
) -> list[Outcome]:
    import asyncio

    from media.registry import open_store
    from pipeline import Services, publish_master

    services = Services(store=open_store(to), keys=context.key_store(), ffmpeg=context.ffmpeg())
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
            reporter.end(task, outcome)
            return outcome

    try:
        with reporter.live():
            for path in files:
                running[path] = asyncio.create_task(one(path))
            return await asyncio.gather(*running.values())
    finally:
        await services.store.close()


def twin_of(outcome: Outcome, path: Path) -> Outcome:
    """What became of `path`, whose bytes are those of another master with this `outcome`."""
    same = replace(outcome, master=str(path), seconds=0.0)
    return (
        replace(same, status="unchanged", reason=f"the same bytes as {outcome.master}") if same.good else same
    )
