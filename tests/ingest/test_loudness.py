"""The meter: read right, and right by the EBU's own test signals (Tech 3341 §2.9, Tech 3342 §4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy
import pytest

from ingest.ffmpeg import Ffmpeg
from ingest.ladder import MEASURE_ONLY
from ingest.loudness import parse_summary
from ingest.probe import probe
from ingest.transcode import transcode
from media.errors import TranscodeFailed
from media.presentation import Loudness

SUMMARY = """[Parsed_ebur128_2 @ 0x5] [info] Summary:

  Integrated loudness:
    I:         {i} LUFS
    Threshold: {gate} LUFS

  Loudness range:
    LRA:         {lra} LU
    Threshold: {lra_gate} LUFS
    LRA low:   -22.6 LUFS
    LRA high:  -16.1 LUFS

  Sample peak:
    Peak:       {sample} dBFS

  True peak:
    Peak:       {true} dBFS
[out#0/f32le @ 0x5] [info] video:0KiB audio:4624KiB
"""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("-18.3", "-29.1", "6.6", "-38.8", "-6.4", "-6.3"), Loudness(-18.3, 6.6, -6.3)),
        (("-12.0", "-22.0", "0.0", "-32.0", "-0.1", "0.4"), Loudness(-12.0, 0.0, 0.4)),
        (("-70.0", "0.0", "0.0", "0.0", "-23.1", "-23.8"), Loudness(None, None, -23.1)),
        (("-30.0", "-40.0", "0.0", "0.0", "-20.0", "-20.0"), Loudness(-30.0, None, -20.0)),
        (("-70.0", "0.0", "0.0", "0.0", "-inf", "-inf"), Loudness(None, None, None)),
    ],
)
def test_a_summary(values: tuple[str, ...], expected: Loudness) -> None:
    names = ("i", "gate", "lra", "lra_gate", "sample", "true")
    text = SUMMARY.format(**dict(zip(names, values, strict=True)))
    assert parse_summary("[info] something before, Summary:\n" + text) == expected


@pytest.mark.parametrize(
    "text", ["", "Summary:", SUMMARY.split("True peak")[0], SUMMARY.replace("{i}", "loud")]
)
def test_no_summary(text: str) -> None:
    with pytest.raises(TranscodeFailed, match="loudness meter"):
        parse_summary(text)


def tone(seconds: int, dbfs: float) -> numpy.ndarray:
    return 10 ** (dbfs / 20) * numpy.sin(2 * numpy.pi * 1000 * numpy.arange(seconds * 48000) / 48000)


async def test_ebu_signals(ffmpeg: Ffmpeg, write: Callable[..., Path], tmp_path: Path) -> None:
    """1 kHz at −23 dBFS in both channels is −23.0 LUFS; 20 s at −20 and 20 s at −30 have a range of 10 LU."""
    steady = numpy.stack([tone(20, -23)] * 2)
    steps = numpy.stack([numpy.concatenate([tone(20, -20), tone(20, -30)])] * 2)
    results = [
        (
            await transcode(probe(write(name, audio, rate=48000)), MEASURE_ONLY, ffmpeg=ffmpeg, work=tmp_path)
        ).loudness
        for name, audio in (("steady.wav", steady), ("steps.wav", steps))
    ]
    assert results[0].integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert results[0].true_peak_dbtp == pytest.approx(-23.0, abs=0.3)
    assert results[1].range_lu == pytest.approx(10.0, abs=1.0)


async def test_a_mono_master_is_measured_as_the_two_channels_it_becomes(
    ffmpeg: Ffmpeg, write: Callable[..., Path], tmp_path: Path
) -> None:
    mono = write("mono.wav", tone(5, -23)[None], rate=48000)
    measured = await transcode(probe(mono), MEASURE_ONLY, ffmpeg=ffmpeg, work=tmp_path)
    assert measured.loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
