"""The waveform: every extreme is in it, at its place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from ingest.peaks import POINTS, peaks


def draw(folder: Path, programme: numpy.ndarray) -> dict[str, object]:
    """`programme` has the shape (samples, 2)."""
    path = folder / "programme.f32"
    programme.astype("<f4").tofile(path)
    return dict(json.loads(peaks(path, 44100)))


@pytest.mark.parametrize(
    ("samples", "length", "step"),
    [(1, 1, 1), (799, 799, 1), (800, 800, 1), (801, 401, 2), (2205, 735, 3), (4_000_000, 800, 5000)],
)
def test_sizes(tmp_path: Path, samples: int, length: int, step: int) -> None:
    document = draw(tmp_path, numpy.zeros((samples, 2)))
    data = document.pop("data")
    assert data == [0] * (2 * length)
    assert document == {
        "version": 2,
        "channels": 1,
        "bits": 8,
        "sample_rate": 44100,
        "samples_per_pixel": step,
        "length": length,
    }
    assert length <= POINTS


def test_every_extreme_shows_whichever_channel_it_is_in(tmp_path: Path) -> None:
    programme = numpy.zeros((80_000, 2))
    programme[150, 0] = 1.0  # point 1
    programme[79_999, 1] = -1.0  # the last one
    programme[30_000, 1] = 1e-4  # point 300: all but nothing, and still not a flat line
    programme[40_000] = 3.0, -3.0  # point 400: beyond full scale
    data = draw(tmp_path, programme)["data"]
    assert isinstance(data, list)
    shown = {index: value for index, value in enumerate(data) if value}
    assert shown == {3: 127, 1598: -127, 601: 1, 800: -128, 801: 127}


def test_the_text_is_small_and_the_same_again(tmp_path: Path) -> None:
    path = tmp_path / "programme.f32"
    numpy.random.default_rng(1).uniform(-1, 1, 200_000).astype("<f4").tofile(path)
    text = peaks(path, 48000)
    assert text == peaks(path, 48000)
    assert len(text) < 8000
    assert b" " not in text
