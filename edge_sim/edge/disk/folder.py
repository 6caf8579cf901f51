"""The disk's folder: whose it is, and what lies in it from before."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_sim.edge.disk.format import name_of, read_label
from media.errors import FormatError, SettingsError

NEW = "new-"  # how the name of a file begins that is not complete


@dataclass(frozen=True, slots=True)
class Found:
    """An object from before; `written_ns` is when."""

    key: str
    size: int
    born_ms: int
    written_ns: int


class Locks:
    """Holds each of the `shards` of `folder`, until `release`, or until the process is gone, however it goes.

    Raises `SettingsError` when somebody else holds one, or the folder cannot be used.
    """

    def __init__(self, folder: Path, shards: Collection[int]) -> None:
        self._held: list[int] = []
        try:
            for shard in shards:
                path = folder / f"{shard:02x}"
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._held.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
                fcntl.flock(self._held[-1], fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise SettingsError(f"{folder}: another edge uses this disk folder") from None
        except OSError as error:
            self.release()
            raise SettingsError(f"{folder}: cannot be a disk folder: {error.strerror}") from None

    def release(self) -> None:
        while self._held:
            os.close(self._held.pop())


def scan(folder: Path, shard: int, own: str) -> tuple[list[Found], int]:
    """The objects in `shard`, and how many files were not one and had to go; those whose name begins with `own` are being written now.

    Reads heads only. Raises `OSError` when the folder itself cannot be read.
    """
    found, removed = [], 0
    for entry in _files(folder / f"{shard:02x}"):
        if entry.name.startswith(own):
            continue
        try:
            found.append(_found(folder, shard, entry))
        except FileNotFoundError:
            pass  # it has had to make room meanwhile
        except (FormatError, OSError):
            removed += not entry.name.startswith(NEW)
            with suppress(OSError):
                os.unlink(entry.path)
    return found, removed


def _files(path: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(path) as entries:
        yield from entries


def _found(folder: Path, shard: int, entry: os.DirEntry[str]) -> Found:
    if entry.name.startswith(NEW):
        raise FormatError("not complete")
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        label = read_label(descriptor)
        status = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if name_of(label.key) != f"{shard:02x}/{entry.name}":
        raise FormatError("the object of another key")
    return Found(label.key, status.st_size, label.head.born_ms, status.st_mtime_ns)
