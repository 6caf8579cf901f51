"""Access logs of JSON lines: those of our servers (`media.serving.JsonLines`), and nginx's where we configure it.

    {"time": 1800000000000, "method": "GET", "path": "/t/…/songs/…", "status": 200, "bytes": 65001, "logger": "tonearm.access", …}
    {"time": "2026-11-28T10:08:15+00:00", "method": "GET", "path": "songs/…", "status": 200, "bytes": 65001, …}

The region stands in ``region``, or in the name that an edge with ``--region`` has in its ``Cache-Status``: the last one of ``cache``.

Lines of other loggers, and of requests that could not be read, are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from pathlib import Path

from edge_sim.simulator.formats.objects import Line, objects, written
from edge_sim.simulator.requests import ANYWHERE, Requests, batches
from media.errors import FormatError

_NOWHERE = ("tonearm-edge", "tonearm-origin")
_HELD_MS = 2000  # quick answers are written many at a time (`media.access_lines`), by several processes


def read(path: Path) -> Iterator[Requests]:
    """Servers write a line when an answer ends, or up to `_HELD_MS` later; requests are taken in the order of their times."""
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from batches(objects(_in_order(_lines(path, file))))


def _in_order(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines of one millisecond stay as they were."""
    held: list[tuple[int, int, Line]] = []
    newest = 0
    for number, line in enumerate(lines):
        newest = max(newest, line[0])
        heappush(held, (line[0], number, line))
        while held[0][0] < newest - _HELD_MS:
            yield heappop(held)[2]
    while held:
        yield heappop(held)[2]


def _lines(path: Path, file: Iterable[str]) -> Iterator[Line]:
    for number, text in enumerate(file, 1):
        try:
            line = json.loads(text)
            if line.get("logger", "tonearm.access") != "tonearm.access" or not line.get("path"):
                continue
            yield (
                _time(line["time"]),
                line["method"],
                _rooted(line["path"]),
                int(line["status"]),
                int(line["bytes"]),
                line.get("region") or _region(line.get("cache", "")),
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FormatError(
                f"{path}: line {number}: not a line of an access log: {text.strip()[:80]!r}"
            ) from None


def _time(value: int | str) -> int:
    return value if isinstance(value, int) else round(datetime.fromisoformat(value).timestamp() * 1000)


def _region(cache: str) -> str:
    """``eu-west`` of ``tonearm-shield; hit, tonearm-eu-west; fwd=uri-miss``."""
    name = cache.rpartition(",")[2].partition(";")[0].strip()
    return name.removeprefix("tonearm-") if name.startswith("tonearm-") and name not in _NOWHERE else ""


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def write(path: Path, requests: Iterable[Requests]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in requests:
            regions = [batch.names[each] for each in batch.regions.tolist()]
            rows = zip(batch.times.tolist(), batch.keys.tolist(), batch.sizes.tolist(), regions, strict=True)
            file.writelines(_line(*row) for row in rows)


def _line(time: int, key: int, size: int, region: str) -> str:
    line: dict[str, object] = {
        "time": time,
        "level": "INFO",
        "logger": "tonearm.access",
        "method": "GET",
        "path": written(key),
        "status": 200,
        "bytes": size,
    }
    if region != ANYWHERE:
        line["region"] = region
    return json.dumps(line) + "\n"
