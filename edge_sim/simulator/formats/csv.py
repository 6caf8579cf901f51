"""A trace as CSV: a header, then one request a line. We write ``time_ms,key,size``; we read any of these columns:

time_ms or time (in seconds) · key, obj_id, object_id, id or path · size or obj_size (in bytes)
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge_sim.simulator.formats.objects import named
from edge_sim.simulator.requests import Requests, batches
from media.errors import FormatError

_COLUMNS = {
    "time": ("time_ms", "time"),
    "key": ("key", "obj_id", "object_id", "id", "path"),
    "size": ("size", "obj_size"),
}


def read(path: Path) -> Iterator[Requests]:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        yield from batches(_rows(path, csv.reader(file)))


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[tuple[int, int, int]]:
    header = [name.strip().lower() for name in next(lines, [])]
    places = []
    for column, names in _COLUMNS.items():
        found = [header.index(name) for name in names if name in header]
        if not found:
            raise FormatError(f"{path}: line 1: no column for the {column}: {' or '.join(names)}")
        places.append(found[0])
    time, key, size = places
    seconds = header[time] == "time"
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        try:
            when = round(float(line[time]) * 1000) if seconds else int(line[time])
            yield when, named(line[key]), int(line[size])
        except (ValueError, IndexError, OverflowError):
            raise FormatError(f"{path}: line {number}: no request: {','.join(line)[:80]!r}") from None


def write(path: Path, requests: Iterable[Requests]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(["time_ms", "key", "size"])
        for batch in requests:
            lines.writerows(zip(batch.times.tolist(), batch.keys.tolist(), batch.sizes.tolist(), strict=True))
