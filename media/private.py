"""What belongs to one person alone: folders and files that nobody else on the machine may look into."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def private_folder(path: Path) -> Path:
    """`path` itself, made with every missing folder above it, mode 0700. What is there keeps its mode. Raises `OSError`."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            folder.mkdir(mode=0o700)
    return path


def private_file(path: Path) -> Path:
    """`path` itself, an empty file of mode 0600 when there was none. Raises `OSError`."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return path
