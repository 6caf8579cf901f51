"""Files below a root, reached without ever following a link: the system calls under `origin.stores.file`.

A path is never resolved. Each folder is opened relative to the one before it with ``O_NOFOLLOW``, so that no symbolic
link below the root leads anywhere, whoever plants it and whenever. Everything here raises `OSError`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from origin.stores.keys import RESERVED

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: opening a planted FIFO must not wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened_folder(root: Path, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """A descriptor of the folder ``root/parts…``; `create` makes what is missing."""
    folder = _open_root(root, create)
    try:
        for part in parts:
            below = _open_below(folder, part, create)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


def _open_root(root: Path, create: bool) -> int:
    # The root itself may be a link: the person who named it chose where it leads.
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    if create:
        with suppress(FileNotFoundError, NotADirectoryError):
            return os.open(root, flags)
        root.mkdir(parents=True, exist_ok=True)
    return os.open(root, flags)


def _open_below(folder: int, part: str, create: bool) -> int:
    # Of the hundreds of files of a version, only the first of a folder has to make it.
    if create:
        with suppress(FileNotFoundError):
            return os.open(part, _FOLDER, dir_fd=folder)
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=folder)
            os.fsync(folder)  # else a power cut could keep a pointer and lose what it points to
    return os.open(part, _FOLDER, dir_fd=folder)


@contextmanager
def opened_file(folder: int, name: str) -> Iterator[int]:
    """A descriptor for reading the regular file `name` in `folder`; anything else is `FileNotFoundError`."""
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
    name = _temporary_name()
    try:
        _write_file(folder, name, body)
        yield name
    finally:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


@contextmanager
def temporary_folder(parent: int, bodies: Mapping[str, bytes]) -> Iterator[str]:
    """The same for a new folder in `parent` that holds a file for each relative path of `bodies`."""
    name = _temporary_name()
    try:
        os.mkdir(name, dir_fd=parent)
        top = os.open(name, _FOLDER, dir_fd=parent)
        try:
            _fill(top, bodies)
        finally:
            os.close(top)
        yield name
    finally:
        shutil.rmtree(name, ignore_errors=True, dir_fd=parent)


def _fill(folder: int, bodies: Mapping[str, bytes]) -> None:
    below: dict[str, dict[str, bytes]] = {}
    for path, body in bodies.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = body
        else:
            _write_file(folder, name, body)
    for name, inner in below.items():
        os.mkdir(name, dir_fd=folder)
        descriptor = os.open(name, _FOLDER, dir_fd=folder)
        try:
            _fill(descriptor, inner)
        finally:
            os.close(descriptor)
    os.fsync(folder)


def _write_file(folder: int, name: str, body: bytes) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _temporary_name() -> str:
    return f"{RESERVED}{secrets.token_hex(12)}"
