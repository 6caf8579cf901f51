"""The master key: 32 bytes that seal the key store, from the environment or from ``TONEARM_HOME/master.key``.

The file is made on first use with mode 0600 and holds 64 hexadecimal digits; so does the environment's value, which
wins and leaves no file behind. Back it up apart from the key store: one without the other opens nothing.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile

from media.errors import KeyStoreLocked
from media.private import private_folder

FILE = "master.key"
SIZE = 32  # bytes: AES-256
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def load_master_key(home: Path, from_environment: str | None) -> bytes:
    """The master key; `home` and its file are created when there is none yet.

    Raises `KeyStoreLocked` for a value that is no key, and for a file that anyone but its owner may read.
    """
    if from_environment:
        return _parse(from_environment, "the master key of the environment")
    path = home / FILE
    try:
        if not path.exists():
            _create(path)
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
                raise KeyStoreLocked(
                    f"{path}: mode {status.st_mode & 0o7777:04o} lets others in; chmod 600 it"
                )
            return _parse(file.read(200).decode("ascii", "replace"), str(path))
    except OSError as error:
        raise KeyStoreLocked(f"{path}: {error.strerror}") from None


def _parse(text: str, place: str) -> bytes:
    if not _HEX.fullmatch(text.strip()):
        raise KeyStoreLocked(f"{place}: not {2 * SIZE} hexadecimal digits")
    return bytes.fromhex(text.strip())


def _create(path: Path) -> None:
    """Write a whole file and link it into place: of two processes at once one wins, and both then read the same."""
    with NamedTemporaryFile(
        "w", dir=private_folder(path.parent), prefix=".master-"
    ) as file:  # mkstemp: mode 0600
        file.write(secrets.token_hex(SIZE) + "\n")
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return
