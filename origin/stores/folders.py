"""Files below a root, reached without ever following a link: the system calls under `origin.stores.file`.

A path is never resolved. Each folder is opened relative to the one before it with ``O_NOFOLLOW``, so that no symbolic
link below the root leads anywhere, whoever plants it and whenever. Everything here raises `OSError`.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from origin.stores.keys import RESERVED

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a planted FIFO must not wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened_folder(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder ``root/parts…``; `create` makes what is missing."""
    if create:
        root.mkdir(parents=True, exist_ok=True)
    # The root itself may be a link: the person who named it chose where it leads.
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=folder)
                    os.fsync(folder)  # else a power cut could keep a pointer and lose what it points to
            below = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


@contextmanager
def opened_file(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """A descriptor for reading the regular file ``root/parts…``; anything else is `FileNotFoundError`."""
    *parents, name = parts
    with opened_folder(root, parents) as folder:
        descriptor = os.open(name, _FILE, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(name)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def temporary_file(folder: int, body: bytes) -> Iterator[str]:
    """The name of a new file in `folder` that holds `body`, safe on the disk; gone afterwards unless renamed.

    A crash may leave it behind; as no key can have such a name, nobody ever sees it.
    """
    name = f"{RESERVED}{secrets.token_hex(12)}"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            view = memoryview(body)
            while view:
                view = view[file.write(view) :]
            os.fsync(descriptor)
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)
