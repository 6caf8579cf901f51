"""Open files of objects: one that is complete, and one that is being written. Every call here blocks; `disk.py` makes them in threads.

A file is closed when the last one who reads it has gone, and not before: it may have lost its name by then.
"""

from __future__ import annotations

import os
from pathlib import Path

from edge_sim.edge.disk.format import BLOCK, Sums, describe, name_of, pack, read_label, sound, start_of
from edge_sim.edge.objects import Head
from edge_sim.edge.streaming import Spoilt
from media.errors import FormatError

PIECE = 4 * BLOCK  # bytes to read at once


class _Open:
    """A descriptor that closes with its last user."""

    descriptor = -1

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class Complete(_Open):
    """The file of a whole object. Raises `FormatError` where it is not one of `key`, and `OSError`."""

    def __init__(self, folder: Path, key: str) -> None:
        self.descriptor = os.open(folder / name_of(key), os.O_RDONLY | os.O_CLOEXEC)
        self.label = read_label(self.descriptor)
        if self.label.key != key:
            raise FormatError(f"the object of another key, {self.label.key}")

    def read(self, start: int, stop: int) -> bytes:
        """Bytes from `start` on, none beyond `stop`, out of blocks that are sound. Raises `Spoilt`."""
        label = self.label
        first = start // BLOCK
        begin, end = first * BLOCK, min(label.length, -(-stop // BLOCK) * BLOCK, first * BLOCK + PIECE)
        try:
            blocks = os.pread(self.descriptor, end - begin, label.start + begin)
        except OSError as error:
            raise Spoilt(f"{label.key}: {error.strerror}") from None
        if len(blocks) != end - begin or not sound(blocks, label.sums, first):
            raise Spoilt(f"{label.key}: bytes {begin} to {end} are not what they were")
        return blocks[start - begin : min(stop, end) - begin]


class Growing(_Open):
    """A file that is being written. Every call raises `OSError`; then `abandon` it."""

    def __init__(self, folder: Path, key: str, head: Head, length: int, name: str) -> None:
        self.key = key
        self.head = head
        self.length = length
        self.came = 0
        self._described = describe(key, head)
        self._start = start_of(self._described, length)
        self.size = self._start + length
        self._sums = Sums()
        self._folder = folder
        self._temporary = (folder / name_of(key)).with_name(name)
        self.descriptor = os.open(
            self._temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode=0o600
        )

    def append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self.descriptor, view, self._start + self.came)
            self._sums.add(view[:written])
            self.came += written
            view = view[written:]

    def read(self, start: int, stop: int) -> bytes:
        """What was written just now. Raises `Spoilt`."""
        try:
            data = os.pread(self.descriptor, min(stop - start, PIECE), self._start + start)
        except OSError as error:
            raise Spoilt(f"{self.key}: {error.strerror}") from None
        if not data:
            raise Spoilt(f"{self.key}: nothing at byte {start}")
        return data

    def commit(self) -> None:
        """All of it is there: give it its name."""
        assert self.came == self.length
        view = memoryview(pack(self._described, self.length, self._sums.all()))
        at = 0
        try:
            while at < len(view):
                at += os.pwrite(self.descriptor, view[at:], at)
            self._temporary.rename(self._folder / name_of(self.key))
        except OSError:
            self.abandon()
            raise

    def abandon(self) -> None:
        self._temporary.unlink(missing_ok=True)


def write(folder: Path, key: str, head: Head, body: bytes, name: str) -> None:
    """A whole object at once, called `name` until it is complete. Raises `OSError`."""
    growing = Growing(folder, key, head, len(body), name)
    try:
        growing.append(body)
    except OSError:
        growing.abandon()
        raise
    growing.commit()


def renew(folder: Path, key: str, head: Head, name: str) -> None:
    """The object again, under a new `head`. Raises `Spoilt`, `FormatError`, `OSError`."""
    old = Complete(folder, key)
    growing = Growing(folder, key, head, old.label.length, name)
    try:
        while growing.came < growing.length:
            growing.append(old.read(growing.came, growing.length))
    except (OSError, Spoilt):
        growing.abandon()
        raise
    growing.commit()
