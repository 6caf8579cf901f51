"""``tonearm verify``: what a presentation does against its standards and its own promises; ``tonearm inspect``: what a
file is made of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import click

from media.text import one_line

if TYPE_CHECKING:
    from drm.key_store import KeyStore
    from packager.verify.verification import Report


_UNBROKEN = 1000  # characters; in a pipe a box stays on its line


class Context(Protocol):
    """The part of ``ctx.obj`` that this command uses."""

    def key_store(self) -> KeyStore: ...


def parse_keys(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[UUID, bytes]:
    """``KID:KEY``: a UUID and 16 bytes in hex."""
    keys = {}
    for value in values:
        kid, _, key = value.rpartition(":")
        try:
            keys[UUID(kid)] = bytes.fromhex(key)
        except ValueError:
            raise click.BadParameter("a KID, a colon and a key of 32 hex digits expected") from None
        if len(keys[UUID(kid)]) != 16:
            raise click.BadParameter("a key has 32 hex digits")
    return keys


@click.command()
@click.argument("presentation")
@click.argument("other", required=False)
@click.option(
    "--master",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The master: length, lag and sound are compared with it.",
)
@click.option(
    "--key",
    "keys",
    metavar="KID:KEY",
    multiple=True,
    callback=parse_keys,
    help="A content key, instead of asking the key store. May be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def verify(
    context: Context,
    presentation: str,
    other: str | None,
    master: Path | None,
    keys: dict[UUID, bytes],
    as_json: bool,
) -> int:
    """Check a presentation from outside, down to the last sample.

    PRESENTATION is the folder or the http(s) address of a version, of a file in it, or of a song with its current.json.
    What other packagers made is judged by what it is: PRESENTATION is then an HLS playlist or an MPD, or a folder that holds
    one, and OTHER a second manifest of the same. Only what lies below the manifests is fetched.
    The rules are explained in docs/verify-rules.md. Exit code 0 when nothing is broken, 5 otherwise.
    """
    import asyncio

    from packager.verify.verification import verify as run

    report = asyncio.run(run(presentation, find_key=key_finder(context, keys), master=master, other=other))
    if as_json:
        click.echo(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        show(report)
    return 0 if report.clean else 5


def key_finder(context: Context, given: dict[UUID, bytes]) -> Callable[[UUID], bytes | None]:
    """Keys that were given come first; the key store is only opened when they do not answer."""

    def find(kid: UUID) -> bytes | None:
        from media.errors import KeyMissing

        if kid in given:
            return given[kid]
        try:
            return context.key_store().get(kid).key
        except KeyMissing:
            return None

    return find


def show(report: Report) -> None:
    """Findings for people, worst first, and one line that sums them up."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    colours = {"error": "bold red", "warning": "yellow"}
    for finding in sorted(report.findings, key=lambda each: each.severity != "error"):
        console.print(
            Text.assemble(
                (f"{finding.severity:8}", colours[finding.severity]),
                (f"{finding.rule:9}", "bold"),
                one_line(f"{finding.place}: {finding.text}"),
            )
        )
    errors = sum(finding.severity == "error" for finding in report.findings)
    found = ", ".join(
        f"{count} {name}{'' if count == 1 else 's'}"
        for name, count in (("error", errors), ("warning", len(report.findings) - errors))
    )
    there = report.presentation
    about = (
        ""
        if there is None
        else f"{one_line(there.song.title)}: {len(there.renditions)} renditions, {there.samples} samples, {there.protection.scheme}. "
    )
    verdict = "Nothing is broken." if report.clean else "Broken."
    console.print(Text(f"{about}{found}. {verdict}", "green" if report.clean else "bold"))


@click.command()
@click.argument("file", metavar="FILE|URL")
@click.option("--depth", type=click.IntRange(min=0), help="How many levels of boxes to show; all without it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, tables in full.")
def inspect(file: str, depth: int | None, as_json: bool) -> int:
    """What a file is made of: boxes, a manifest, a stream.

    FILE is MP4 or any other ISO BMFF, an HLS playlist, a DASH MPD, a presentation.json, ADTS, FLAC or Ogg; a URL is http(s).
    Long tables and runs of fragments are folded. Exit code 5 when the file breaks off or makes no sense somewhere, and then
    everything up to there is shown.
    """
    from packager.inspect.inspection import inspect as run

    report = run(file)
    if as_json:
        click.echo(json.dumps(report.to_dict(depth), ensure_ascii=False))
    else:
        from rich.console import Console

        from packager.inspect.show import lines

        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = _UNBROKEN
        console.print(lines(report, depth))
    if report.error:
        click.echo(one_line(f"tonearm: {report.name}: {report.error}"), err=True)
        return 5
    return 0
