"""A trace as CSV: a header, then one request a line. We write ``time_ms,key,size`` and, where there are several, ``region``; we read any of these columns:

time_ms or time (in seconds) · key, obj_id, object_id, id or path · size or obj_size (in bytes) · region, which may be missing
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge_sim.simulator.formats.objects import named, starting
from edge_sim.simulator.requests import ANYWHERE, Requests, Row, batches
from media.errors import FormatError

_COLUMNS = {
    "time": ("time_ms", "time"),
    "key": ("key", "obj_id", "object_id", "id", "path"),
    "size": ("size", "obj_size"),
}


def read(path: Path) -> Iterator[Requests]:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        yield from batches(_rows(path, csv.reader(file)))


def _rows(path: Path, lines: Iterator[list[str]]) -> Iterator[Row]:
    header = [name.strip().lower() for name in next(lines, [])]
    places = []
    for column, names in _COLUMNS.items():
        found = [header.index(name) for name in names if name in header]
        if not found:
            raise FormatError(f"{path}: line 1: no column for the {column}: {' or '.join(names)}")
        places.append(found[0])
    time, key, size = places
    seconds = header[time] == "time"
    region = header.index("region") if "region" in header else -1
    for number, line in enumerate(lines, 2):
        if not line:
            continue
        try:
            when = round(float(line[time]) * 1000) if seconds else int(line[time])
            where = line[region] if region >= 0 else ""
            yield when, named(line[key]), int(line[size]), where, starting(line[key].partition("?")[0])
        except (ValueError, IndexError, OverflowError):
            raise FormatError(f"{path}: line {number}: no request: {','.join(line)[:80]!r}") from None


def write(path: Path, requests: Iterable[Requests]) -> None:
    """With a column for the region where the first batch names any."""
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file, lineterminator="\n")
        regions = None
        for batch in requests:
            columns = [batch.times.tolist(), batch.keys.tolist(), batch.sizes.tolist()]
            if regions is None:
                regions = batch.names != (ANYWHERE,)
                lines.writerow(["time_ms", "key", "size", *(["region"] if regions else [])])
            if regions:
                columns.append([batch.names[each] for each in batch.regions.tolist()])
            lines.writerows(zip(*columns, strict=True))
