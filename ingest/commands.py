"""``tonearm probe``: look at masters, measure them, publish nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ingest.ffmpeg import Ffmpeg


class Context(Protocol):
    """What this room's commands need of ``commands.context.Context``."""

    def ffmpeg(self) -> Ffmpeg: ...


@click.command()
@click.argument("masters", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="MASTER…")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per master on standard output.")
@click.pass_obj
def probe(context: Context, masters: tuple[Path, ...], as_json: bool) -> int:
    """Say what each master really is, how loud it is, and whether it can be published.

    Every master is decoded once, to its end; nothing is encoded or written. Exit code 0 when all of them can be
    published, 3 when some cannot.
    """
    import asyncio

    ffmpeg = context.ffmpeg()
    good = 0
    for path in masters:
        report = asyncio.run(examine(path, ffmpeg))
        good += report["status"] == "good"
        if as_json:
            click.echo(json.dumps(report))
        else:
            from rich.console import Console

            Console(highlight=False).print(table(report), "")
    if not as_json and len(masters) > 1:
        click.echo(f"{good} of {len(masters)} masters can be published")
    return 0 if good == len(masters) else 3


async def examine(path: Path, ffmpeg: Ffmpeg) -> dict[str, Any]:
    """One master as a JSON object. `status` is good, rejected or failed; `reason` and `message` say why not good."""
    import asyncio
    import tempfile
    from dataclasses import asdict

    from ingest.files import shown
    from ingest.ladder import MEASURE_ONLY
    from ingest.probe import probe as look
    from ingest.transcode import transcode
    from media.errors import MasterRejected, TonearmError

    report: dict[str, Any] = {"master": shown(path), "status": "good", "reason": None, "message": None}
    try:
        master = await asyncio.to_thread(look, path)
        report |= master.facts() | {
            "declared_samples": master.declared_samples,
            "tags": asdict(master.tags),
            "cover": [master.cover.width, master.cover.height] if master.cover else None,
            "flaws": list(master.flaws),
        }
        with tempfile.TemporaryDirectory(prefix="tonearm-") as work:
            measured = await transcode(master, MEASURE_ONLY, ffmpeg=ffmpeg, work=Path(work))
        report |= {
            "programme": {"samples": measured.samples, "sample_rate": measured.sample_rate},
            "loudness": asdict(measured.loudness),
        }
    except MasterRejected as error:
        report |= {"status": "rejected", "reason": error.reason, "message": str(error)}
    except TonearmError as error:
        report |= {"status": "failed", "reason": error.slug, "message": str(error)}
    return report


def table(report: dict[str, Any]) -> RenderableType:
    """A report for people. Whatever comes out of a file is plain text: it is never read as markup."""
    from rich.table import Table
    from rich.text import Text

    marks = {"good": ("✓", "green"), "rejected": ("✗", "yellow"), "failed": ("✗", "red")}
    grid = Table(box=None, pad_edge=False, show_header=False)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(*marks[report["status"]]), Text(report["master"], "bold"))
    for name, value in facts(report):
        grid.add_row(Text(name, "dim"), Text(value))
    return grid


def facts(report: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and value of every line below the master's name; what is not known has no line."""
    lines: list[tuple[str, str]] = []
    if report["message"] is not None:
        lines.append((report["reason"], report["message"].removeprefix(f"{report['master']}: ")))
    if "codec" in report:
        bits = f", {report['bits']} bit" if report["bits"] else ""
        inside = "" if report["codec"] == report["container"] else f" in {report['container']}"
        lines.append(("format", f"{report['codec']}{inside}{bits}"))
        lines.append(("sound", f"{report['layout']}, {report['sample_rate']} Hz"))
        lines += [
            (name.replace("_", " "), ", ".join(value) if isinstance(value, list | tuple) else str(value))
            for name, value in report["tags"].items()
            if value
        ]
        if report["cover"]:
            lines.append(("cover", "{} × {}".format(*report["cover"])))
        lines += [("note", flaw) for flaw in report["flaws"]]
    if "programme" in report:
        samples, rate = report["programme"]["samples"], report["programme"]["sample_rate"]
        minutes, seconds = divmod(samples / rate, 60)
        lines.append(("length", f"{int(minutes)}:{seconds:06.3f} ({samples} samples at {rate} Hz)"))
        units = {"integrated_lufs": "LUFS", "range_lu": "LU range", "true_peak_dbtp": "dBTP"}
        measured = [
            f"{report['loudness'][key]} {unit}"
            for key, unit in units.items()
            if report["loudness"][key] is not None
        ]
        lines.append(("loudness", ", ".join(measured) or "no answer: too short, or silent"))
    return lines
