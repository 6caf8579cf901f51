"""Which files `tonearm publish` takes on: those it was given, those in folders, and which of them are copies of another."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

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
