"""``tonearm doctor``: what this machine has, and what a missing part would cost."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from commands.context import Context
from media.errors import TonearmError

# What the project was commissioned with and what it adds: name of the distribution → what for.
LIBRARIES = {
    "aiohttp": "every server and client",
    "av": "probing, decoding",
    "boto3": "the S3 store",
    "ffmpeg-python": "the filter graph",
    "m3u8": "reading playlists",
    "minio": "the MinIO store",
    "mutagen": "tags and covers",
    "numpy": "whole-buffer work",
    "pycryptodome": "AES",
    "pydub": "the preview",
    "sqlalchemy": "the API's records",
    "tantivy": "search",
    "uvloop": "the servers' event loop",
}
# What only some things need: program → what does not work without it.
PROGRAMS = {"chromium": "the browser tests skip", "npm": "the browser tests of other players skip"}


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    status: str  # ok, missing (something optional), broken
    detail: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.pass_obj
def doctor(context: Context, as_json: bool) -> int:
    """Say what is installed, which ffmpeg and which encoders it has, and what is missing.

    Exit code 0 when everything that Tonearm needs is there, 1 otherwise.
    """
    checks = [*system(context), *settings(context), *servers(), *encoders(context), *libraries(), *programs()]
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks]}, ensure_ascii=False))
    else:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, show_header=False)
        marks = {"ok": ("✓", "green"), "missing": ("–", "yellow"), "broken": ("✗", "red")}
        for check in checks:
            table.add_row(
                Text(*marks[check.status]), Text(check.name), Text(check.detail, "dim", overflow="fold")
            )
        Console(highlight=False).print(table)
    return 1 if any(check.status == "broken" for check in checks) else 0


def system(context: Context) -> Iterator[Check]:
    yield Check("Python", "ok" if sys.version_info >= (3, 11) else "broken", sys.version.split()[0])
    nearest = next(path for path in (context.home, *context.home.absolute().parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        yield Check("home", "ok", str(context.home))
    else:
        yield Check("home", "broken", f"{context.home}: {nearest} cannot be written to")
    yield Check(
        "settings",
        "ok",
        str(context.config) if context.config else "no tonearm.toml; defaults and environment",
    )
    try:
        keys = len(context.key_store().list()) if (context.home / "keys").exists() else 0
        yield Check("key store", "ok", f"{keys} content keys")
    except (TonearmError, OSError) as error:
        yield Check("key store", "broken", str(error))


def settings(context: Context) -> Iterator[Check]:
    """Every line of the settings file; what could be a secret is only said to be there."""
    if context.config is None:
        return
    for name, value in _lines(tomllib.loads(context.config.read_text()), ""):
        secret = any(word in name for word in ("password", "secret", "token", "key"))
        yield Check(f"setting {name}", "ok", "(set)" if secret else json.dumps(value, ensure_ascii=False))


def _lines(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def servers() -> Iterator[Check]:
    """What the servers will use of this machine."""
    from media.workers import cores, file_limit
    from origin.codings import CODINGS

    yield Check("workers", "ok", f"{cores()}: one for each core that we may use")
    limit = file_limit()
    few = limit < 4096
    yield Check(
        "open files",
        "missing" if few else "ok",
        f"{limit} a process" + (", and a connection is one" if few else ""),
    )
    without = "" if "zstd" in CODINGS else "; zstd comes with Python 3.14, or with backports.zstd"
    yield Check("codings", "ok", f"{', '.join(CODINGS)}{without}")


def encoders(context: Context) -> Iterator[Check]:
    import subprocess

    try:
        ffmpeg = context.ffmpeg()
        listing = subprocess.run(
            [ffmpeg.path, "-hide_banner", "-nostdin", "-encoders"],
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        ).stdout
    except (TonearmError, OSError, subprocess.SubprocessError) as error:
        yield Check("ffmpeg", "broken", str(error))
        return
    yield Check("ffmpeg", "ok", f"{ffmpeg.version} ({ffmpeg.path})")
    names = {words[1] for words in map(str.split, listing.splitlines()) if len(words) > 1}
    for name, purpose in {"aac": "the ladder and the preview", "libopus": "Opus", "flac": "FLAC"}.items():
        there = name in names
        yield Check(f"encoder {name}", "ok" if there else "broken" if name == "aac" else "missing", purpose)


def libraries() -> Iterator[Check]:
    from importlib.metadata import PackageNotFoundError, version

    for name, purpose in LIBRARIES.items():
        try:
            yield Check(name, "ok", f"{version(name)}, {purpose}")
        except PackageNotFoundError:
            yield Check(name, "broken", f"not installed: {purpose}; run `make setup`")


def programs() -> Iterator[Check]:
    for name, without in PROGRAMS.items():
        path = shutil.which(name)
        yield Check(name, "ok" if path else "missing", path or f"not installed: {without}")
