"""nginx's predefined log format `combined` (ngx_http_log_module), which Apache calls the same:

remote - user [28/Nov/2026:10:08:15 +0000] "GET /path HTTP/1.1" 200 bytes "referer" "agent"
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge_sim.simulator.formats.objects import Line, objects, written
from edge_sim.simulator.requests import Requests, batches
from media.errors import FormatError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINE = re.compile(
    r"\S+ \S+ .*? \[(\d\d)/(" + "|".join(_MONTHS) + r")/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] "
    r'"((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-)',
    re.ASCII,
)


def read(path: Path) -> Iterator[Requests]:
    """nginx writes a line when an answer ends; requests are taken in that order."""
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from batches(objects(_lines(path, file)))


def _lines(path: Path, file: Iterable[str]) -> Iterator[Line]:
    for number, line in enumerate(file, 1):
        match = _LINE.match(line)
        if match is None:
            raise FormatError(f"{path}: line {number}: not in nginx's format combined: {line.strip()[:80]!r}")
        day, month, year, hour, minute, second, sign, hours, minutes, request, status, sent = match.groups()
        moment = (int(year), _MONTHS.index(month) + 1, int(day), int(hour), int(minute), int(second))
        offset = (int(hours) * 60 + int(minutes)) * (60 if sign == "+" else -60)
        words = request.split(" ")
        target = words[1] if len(words) > 1 else ""
        size = int(sent) if sent != "-" else 0
        yield (timegm(moment) - offset) * 1000, words[0], target, int(status), size, ""


def write(path: Path, requests: Iterable[Requests]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for batch in requests:
            rows = zip(batch.times.tolist(), batch.keys.tolist(), batch.sizes.tolist(), strict=True)
            file.writelines(_line(*row) for row in rows)


def _line(time: int, key: int, size: int) -> str:
    moment = datetime.fromtimestamp(time // 1000, UTC)
    stamp = f"{moment.day:02}/{_MONTHS[moment.month - 1]}/{moment.year}:{moment:%H:%M:%S} +0000"
    return f'127.0.0.1 - - [{stamp}] "GET {written(key)} HTTP/1.1" 200 {size} "-" "-"\n'
