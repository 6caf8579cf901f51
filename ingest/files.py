"""A master as bytes on a disk: opened so that its name decides nothing, named so that a line stays a line."""

from __future__ import annotations

import hashlib
import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path

from media.errors import MasterRejected
from media.text import one_line


def shown(path: Path) -> str:
    """The path as text for a message or a table: line breaks and undecodable bytes become escapes."""
    return one_line(str(path))


def open_master(path: Path) -> tuple[BufferedReader, int]:
    """An open file and its size in bytes. Raises `MasterRejected`: unreadable, empty.

    The file object is made from a descriptor and so knows no name: no demuxer is chosen because of a suffix.
    Opening does not block on a named pipe, which is then refused with everything else that is no regular file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise MasterRejected("unreadable", f"{shown(path)}: {error.strerror}") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        kind = "a folder, not a file" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise MasterRejected("unreadable", f"{shown(path)}: {kind}")
    if status.st_size == 0:
        os.close(descriptor)
        raise MasterRejected("empty", f"{shown(path)}: the file is empty")
    return BufferedReader(_Bounded(descriptor, "rb")), status.st_size


class _Bounded(FileIO):
    """A file in which a seek to nowhere leads to the end.

    libav seeks wherever a header sends it, also to before the start; PyAV prints a traceback when that raises.
    """

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return super().seek(0, os.SEEK_END)


def sha256(file: BufferedReader) -> str:
    """The hex digest of the whole file, wherever it was read to."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
