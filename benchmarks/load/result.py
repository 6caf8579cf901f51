"""What a run came to, as one JSON document: the page draws it, the verdict holds it against the targets, COMPARE reads it again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy

from benchmarks.load.record import Note

FORMAT = 1
_BINS = 60
_POINTS = (50.0, 90.0, 95.0, 99.0, 99.9)
_CURVE = 200  # points of a distribution's plot


@dataclass(frozen=True, slots=True)
class Asked:
    """What was put before the servers."""

    address: str
    users: int
    seconds: int
    compression: float
    processes: int
    catalogue: str


def document(
    asked: Asked,
    notes: Sequence[Note],
    failures: Mapping[str, int],
    cpu: Mapping[str, Sequence[tuple[int, float]]],
) -> dict[str, Any]:
    """`failures` are locust's, by name; `cpu` the watch's samples. The open loop comes after it, where there is one."""
    by: dict[str, list[Note]] = {}
    for note in notes:
        by.setdefault(note.kind, []).append(note)
    requests, starts = by.get("request", []), by.get("start", [])
    begin, end = (notes[0].at_ms, notes[-1].at_ms) if notes else (0, 0)
    width = max(1000, -(-(end - begin) // _BINS))
    silence = sum(note.ms for note in by.get("stall", []))
    played = sum(note.ms for note in by.get("played", []))
    inside = {name: [each for each in samples if begin <= each[0] <= end] for name, samples in cpu.items()}
    return {
        "format": FORMAT,
        "asked": asdict(asked),
        "starts": {
            "all": _times(starts),
            "warm": _times(note for note in starts if note.detail == "warm"),
            "cold": _times(note for note in starts if note.detail == "cold"),
            "by_player": {
                name: _times(note for note in starts if note.name == name)
                for name in sorted({note.name for note in starts})
            },
        },
        "rebuffer": {
            "stalls": len(by.get("stall", [])),
            "silence_ms": round(silence, 1),
            "played_ms": round(played, 1),
            "ratio": round(silence / (silence + played), 6) if silence + played else 0.0,
        },
        "cache": _cache(requests),
        "requests": _requests(requests, end - begin),
        "failures": dict(failures),
        "generator": {"late": _times(by.get("late", [])), "cpu": _busy(inside.get("locust", []))},
        "servers": {name: _busy(samples) for name, samples in inside.items() if name != "locust"},
        "open_loop": None,
        "over_time": _over_time(begin, width, end, by, inside),
    }


def load(path: Path) -> dict[str, Any]:
    """A document that was written before. Raises `ClickException` for anything else."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{path}: {error}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or "over_time" not in found:
        raise click.ClickException(f"{path}: not the JSON that make load writes, or of another version")
    return found


def percentile(times: Sequence[float], point: float) -> float:
    return round(float(numpy.percentile(times, point, method="higher")), 3)


def _times(notes: Iterable[Note]) -> dict[str, Any]:
    """`count`, ``p50`` to ``p99.9`` in ms (none of nothing) and the distribution as pairs of ms and share."""
    times = sorted(note.ms for note in notes)
    if not times:
        return {"count": 0, "cdf": []}
    shares = numpy.unique(numpy.linspace(0, len(times) - 1, min(len(times), _CURVE)).astype(int))
    return {
        "count": len(times),
        **{f"p{point:g}": percentile(times, point) for point in _POINTS},
        "max": times[-1],
        "cdf": [[round(times[at], 2), round((at + 1) / len(times), 5)] for at in shares],
    }


def _cache(requests: Sequence[Note]) -> dict[str, Any]:
    counts = Counter(note.detail for note in requests if note.detail)
    total = sum(counts.values())
    return {
        **{name: counts[name] for name in ("hit", "joined", "miss")},
        "ratio": round(counts["hit"] / total, 6) if total else 0.0,
    }


def _requests(requests: Sequence[Note], ms: int) -> dict[str, Any]:
    names = Counter(note.name for note in requests)
    return {
        "count": len(requests),
        "per_s": round(len(requests) * 1000 / ms, 2) if ms else 0.0,
        "by_name": {
            name: {
                key: value
                for key, value in _times(n for n in requests if n.name == name).items()
                if key != "cdf"
            }
            for name, _ in names.most_common()
        },
        "hits": _times(note for note in requests if note.detail == "hit"),
        "misses": _times(note for note in requests if note.detail == "miss"),
    }


def _busy(samples: Sequence[tuple[int, float]]) -> dict[str, float]:
    """Per cent of a core: the busiest process of that name, in the median second and in the busiest tenth."""
    if not samples:
        return {}
    loads = [load for _, load in samples]
    return {"p50": percentile(loads, 50), "p90": percentile(loads, 90)}


def _over_time(
    begin: int,
    width: int,
    end: int,
    by: Mapping[str, Sequence[Note]],
    cpu: Mapping[str, Sequence[tuple[int, float]]],
) -> dict[str, Any]:
    """By spans of `width_ms`; where there is nothing to take a percentile of, there is none."""
    count = (end - begin) // width + 1 if end else 0
    if count > 1 and (end - begin) % width < width // 2:
        count -= 1  # what is left of a span is no rate

    def spans(kind: str) -> list[list[Note]]:
        found: list[list[Note]] = [[] for _ in range(count)]
        for note in by.get(kind, ()):
            if (at := (note.at_ms - begin) // width) < count:
                found[at].append(note)
        return found

    requests, starts, stalls = spans("request"), spans("start"), spans("stall")
    return {
        "width_ms": width,
        "requests_per_s": [round(len(each) * 1000 / width, 2) for each in requests],
        "hit_ratio": [
            _cache(each)["ratio"] if any(note.detail for note in each) else None for each in requests
        ],
        "request_ms": _percentiles(requests),
        "start_ms": _percentiles(starts),
        "stalls": [len(each) for each in stalls],
        "cpu": {name: [[at - begin, load] for at, load in samples] for name, samples in cpu.items()},
    }


def _percentiles(spans: Sequence[Sequence[Note]]) -> dict[str, list[float | None]]:
    return {
        f"p{point}": [percentile([note.ms for note in each], point) if each else None for each in spans]
        for point in (50, 90, 99)
    }
