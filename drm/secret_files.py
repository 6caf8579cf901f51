"""Files that hold keys: read when nobody else may read them, made for their owner alone."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from media.errors import ContentKeyError, FormatError, SettingsError


def read_file(path: Path, limit: int) -> bytes:
    """A file of at most `limit` bytes. Raises `SettingsError` for one that cannot be read, `FormatError` for a longer one."""
    return _read(path, limit, secret=False)


def read_secret(path: Path, limit: int) -> bytes:
    """The same, and `ContentKeyError` for a file that others may read or write. What a pipe has is nobody else's."""
    return _read(path, limit, secret=True)


def write_secret(path: Path, data: bytes) -> None:
    """A new file of mode 0600, whole or not there at all. Raises `SettingsError`; what is there is never overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise SettingsError(f"{path}: {error.strerror}") from None


def _read(path: Path, limit: int, *, secret: bool) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if secret and stat.S_ISREG(mode) and mode & 0o077:
                raise ContentKeyError(f"{path}: mode {stat.S_IMODE(mode):04o} lets others in; chmod 600 it")
            data = file.read(limit + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    if len(data) > limit:
        raise FormatError(f"{path}: more than {limit} bytes")
    return data
