"""A small catalogue of made-up songs, published once into ``build/load``: music enough to load servers with, not to listen to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import numpy

from demo import flac
from demo.children import TONEARM, run
from demo.cover import cover

SONGS = 12
SECONDS = 40  # on average: were all of one length, all listeners would start again at once
_RATE = 44_100
_PARTIALS = 6


def catalogue(folder: Path, *, songs: int = SONGS, seconds: int = SECONDS) -> tuple[list[str], str]:
    """How to call tonearm with the keys of this catalogue, and its store. What is published already costs a look."""
    tonearm, store = [TONEARM, "--home", str(folder / "home")], str(folder / "store")
    masters = folder / "masters"
    masters.mkdir(parents=True, exist_ok=True)
    for number in range(songs):
        length = seconds // 2 + seconds * number // max(songs - 1, 1)
        path = masters / f"{number:02}-{length}.flac"
        if not path.exists():
            pcm = song(number, length)
            flac.write(path, pcm, {"TITLE": f"Song {number}", "ARTIST": "Load"}, cover([pcm]))
    status, _ = run([*tonearm, "publish", str(masters), "--to", store], stdout=subprocess.DEVNULL)
    if status:
        raise click.ClickException(f"publishing {masters} ended with {status}")
    return tonearm, store


def song(number: int, seconds: int) -> numpy.ndarray:
    """Two bars a chord, a tremolo, some hiss: of shape (2, n), 16 bits; each number another song, the same every time."""
    random = numpy.random.default_rng(number)
    time = numpy.arange(seconds * _RATE) / _RATE
    root = 110 * 2 ** (random.integers(0, 12) / 12)
    chord = numpy.array([0, 4, 7, 12])[(time // 2).astype(int) % 4]
    tone = numpy.zeros_like(time)
    for partial in range(1, _PARTIALS):
        tone += numpy.sin(2 * numpy.pi * root * 2 ** (chord / 12) * partial * time) / partial**1.5
    loud = 0.25 * (0.7 + 0.3 * numpy.sin(2 * numpy.pi * 4 * time))
    sides = [loud * tone + 0.01 * random.standard_normal(len(time)) for _ in range(2)]
    return numpy.asarray(numpy.clip(sides, -1, 1) * 32767, numpy.int16)
