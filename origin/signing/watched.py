"""A file that is read anew when it changed, so that keys are exchanged without a restart.

Every answer may look at the file's stamp, at most once in `every_ms`: a ``stat`` costs a microsecond, works on every file system
and needs no watcher. A new file that cannot be used is reported once and the old contents stay: a slip of the pen must not
lock all listeners out.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from media.errors import SettingsError

T = TypeVar("T")
_log = logging.getLogger("tonearm.error")


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class Watched(Generic[T]):
    """What `load` makes of the file at `path`. The first load raises what `load` raises."""

    def __init__(
        self,
        path: Path,
        load: Callable[[Path], T],
        *,
        every_ms: int = 1000,
        clock: Callable[[], int] = monotonic_ms,
    ) -> None:
        self._path = path
        self._load = load
        self._every_ms = every_ms
        self._clock = clock
        self._looked_ms = clock()
        self._stamp = _stamp(path)  # before the contents: a change in between is seen next time
        self._value = load(path)

    def current(self) -> T:
        now = self._clock()
        if now - self._looked_ms >= self._every_ms:
            self._looked_ms = now
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._stamp = stamp
                try:
                    self._value = self._load(self._path)
                except (SettingsError, OSError) as error:
                    _log.error("%s; what was read before stays in force", error)
        return self._value


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What differs after every write or exchange of a file; ``None`` when it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
