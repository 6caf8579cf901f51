"""What listeners noticed, a line each, in one file a process: exact, where locust's own numbers are rounded to two digits.

request,1800000000123,4.210,GET …/[segment].m4s,hit          when it ended, ms it took, what it was, what the edge did
start,1800000000200,31.400,ours,warm                         warm: the edge had all of it
stall,1800000000300,120.000,,                                ms of silence
played,1800000000400,32000.000,,                             ms of music, as time passed for the listener
late,1800000000500,0.300,,                                   ms that locust woke a listener too late
failure,1800000000600,0,GET …/[segment].m4s: 404,
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Note:
    """One line; `at_ms` is Unix time."""

    kind: str
    at_ms: int
    ms: float
    name: str
    detail: str


class Recorder:
    """Writes to a file of this process in `folder`, opened at the first note; with no folder it forgets."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._file: TextIO | None = None

    def note(self, kind: str, ms: float, name: str = "", detail: str = "") -> None:
        if not self._folder:
            return
        if self._file is None:  # not before locust has forked
            path = Path(self._folder, f"{os.getpid()}.csv")
            self._file = path.open("a", encoding="utf-8", newline="")
            self._writer = csv.writer(self._file)
        self._writer.writerow((kind, int(time.time() * 1000), f"{ms:.3f}", name, detail))

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read(folder: Path) -> list[Note]:
    """All notes of all processes, in the order of time."""
    return sorted(
        (note for path in folder.glob("*.csv") for note in _read(path)), key=lambda note: note.at_ms
    )


def _read(path: Path) -> Iterator[Note]:
    with path.open(encoding="utf-8", newline="") as file:
        for kind, at_ms, ms, name, detail in csv.reader(file):
            yield Note(kind, int(at_ms), float(ms), name, detail)
