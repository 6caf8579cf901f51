"""The open loop beside the closed one: the same segments, as often a second as the listeners asked, at moments fixed beforehand."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import click
import numpy

from benchmarks.loopback import require_loopback

_CURVE = 300


def addresses(address: str) -> list[str]:
    """Signed addresses of the segments of the songs that `address` serves, in the rendition that starts begin with.

    Songs of one file for each rendition are left out: the open loop asks for whole objects, and theirs are whole tracks.
    Raises `ClickException` when none is left.
    """
    session = _json(address, "/v1/sessions/guest", b"{}")
    headers = {"Authorization": f"Bearer {session['access_token']}"}
    songs = _json(address, "/v1/songs?limit=100", headers=headers)["items"]
    found = []
    for song in songs:
        grant = _json(address, f"/v1/songs/{song['song_id']}/stream", headers=headers)
        presentation = _json(address, grant["presentation_url"])
        named = {each["name"]: each for each in presentation["renditions"]}
        segments = named[grant["start_rendition"]]["segments"]
        if not any("offset" in each for each in segments):
            found += [urljoin(grant["base_url"], each["path"]) for each in segments]
    if not found:
        raise click.ClickException(
            f"{address}: no song has segments that are files of their own, and the open loop asks for such: --open-rate 0 leaves it out"
        )
    return found


def measure(address: str, rate: int, seconds: int) -> dict[str, Any]:
    """`from_due`, `from_sent` and `late`: percentiles in ms, and the first two as curves of share and ms."""
    urls = addresses(address)
    _warm(urls)
    random.Random(1).shuffle(urls)
    with tempfile.TemporaryDirectory(prefix="tonearm-load-") as folder:
        points = Path(folder, "points.json")
        command = [sys.executable, "-m", "benchmarks.open_loop", "-", "--poisson", "--points", str(points)]
        command += ["--rate", str(rate), "--seconds", str(seconds)]
        ran = subprocess.run(command, input="\n".join(urls), stdout=subprocess.PIPE, text=True)
        if ran.returncode:
            raise click.ClickException("the open loop did not come to its end")
        found, times = json.loads(ran.stdout), json.loads(points.read_text())
    own = {name: value for name, value in found.items() if name.startswith("p")}
    return {
        "rate": rate,
        "seconds": seconds,
        "requests": found["requests"],
        "from_due": _in_ms(own) | {"curve": _curve(times["from_due"])},
        "from_sent": _in_ms(found["from_sent"]) | {"curve": _curve(times["from_sent"])},
        "late": _in_ms(found["late"]),
    }


def _warm(urls: list[str]) -> None:
    """Each once: what the edge has to fetch first is no matter of queues."""
    for url in urls:
        with urllib.request.urlopen(require_loopback(url), timeout=30) as answer:
            answer.read()


def _in_ms(times: dict[str, int]) -> dict[str, float]:
    return {name: round(us / 1000, 3) for name, us in times.items()}


def _curve(us: list[int]) -> list[list[float]]:
    """Pairs of "one request in so many" and ms: 1 in 2 is the median, 1 in 1000 is p99.9."""
    ordered = numpy.sort(us)
    one_in = numpy.unique(numpy.geomspace(1, len(us), _CURVE).round(2))
    at = numpy.minimum((len(us) * (1 - 1 / one_in)).astype(int), len(us) - 1)
    return [[float(n), round(float(ordered[i]) / 1000, 3)] for n, i in zip(one_in, at, strict=True)]


def _json(address: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    url = require_loopback(urljoin(address, path))
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.loads(answer.read())
