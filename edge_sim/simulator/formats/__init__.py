"""Traces in the formats that others use, one a file, each with `read` and `write`; all of them stream.

| ending | format |
| --- | --- |
| `.oracleGeneral`, `.oracleGeneral.bin` | libCacheSim's records of 24 bytes |
| `.csv` | a header and a request a line |
| `.log` | an access log of nginx, format `combined` |
| `.jsonl` | an access log of JSON lines: our servers', or nginx's as we configure it |

Times are kept to the second (the first and the third) or to the millisecond. Logs tell what was sent, not how large an object is (`formats.objects`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from edge_sim.simulator.requests import Requests
from media.errors import SettingsError


def read(path: Path) -> Iterator[Requests]:
    """The requests of a trace, a batch after the other. Raises `SettingsError` for an unknown ending, `FormatError` for its contents."""
    yield from _format(path).read(path)


def write(path: Path, requests: Iterable[Requests]) -> None:
    """A trace of all `requests`, which are in the order of time. Raises `SettingsError` for an unknown ending."""
    _format(path).write(path, requests)


def _format(path: Path) -> ModuleType:
    from edge_sim.simulator.formats import combined, csv, json_lines, oracle_general

    endings = {
        ".oraclegeneral": oracle_general,
        ".oraclegeneral.bin": oracle_general,
        ".csv": csv,
        ".log": combined,
        ".jsonl": json_lines,
    }
    for ending, module in endings.items():
        if path.name.lower().endswith(ending):
            return module
    raise SettingsError(f"{path}: a trace ends in .oracleGeneral, .csv, .log (nginx combined) or .jsonl")
