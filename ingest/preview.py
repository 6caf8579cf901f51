"""Thirty seconds that anyone may hear: the loudest part of the song, faded in and out, as a small m4a.

pydub cuts and fades, on thirty seconds only: a five-minute 24/96 master cost it 39 s and 563 MiB. It starts no
process here and writes no temporary file of its own: the encoder is run by `ingest.ffmpeg`, in the caller's folder.
"""

from __future__ import annotations

import asyncio
import tempfile
import warnings
from pathlib import Path

import numpy
import numpy.typing as npt

from ingest.ffmpeg import Ffmpeg, run
from ingest.graph import CHANNELS
from media.errors import TranscodeFailed

SECONDS = 30
BITRATE = 96_000
FADE_IN, FADE_OUT = 1_000, 2_000  # ms; a quarter of what is shorter

Programme = npt.NDArray[numpy.float32]


async def preview(pcm: Path, sample_rate: int, *, ffmpeg: Ffmpeg, work: Path, timeout: float = 120) -> bytes:
    """An m4a of the float32 stereo programme: `SECONDS` of it, or all of a shorter one. Same programme, same bytes.

    Raises `TranscodeFailed`. Leaves nothing in `work`, also when cancelled.
    """
    with tempfile.TemporaryDirectory(prefix="preview-", dir=work) as folder:
        await asyncio.to_thread(_excerpt, pcm, sample_rate, Path(folder, "excerpt.wav"))
        options = ["-i", "excerpt.wav", "-map_metadata", "-1", "-c:a", "aac", "-b:a", str(BITRATE)]
        # Without bitexact the muxer writes its own version into the file.
        options += ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-movflags", "+faststart", "-f", "ipod"]
        finished = await run(ffmpeg, [*options, "preview.m4a"], cwd=Path(folder), timeout=timeout)
        if finished.code != 0:
            said = finished.complaints[0] if finished.complaints else f"exit code {finished.code}"
            raise TranscodeFailed(f"preview: ffmpeg: {said}")
        return await asyncio.to_thread(Path(folder, "preview.m4a").read_bytes)


def loudest(programme: Programme, sample_rate: int, seconds: int = SECONDS) -> int:
    """The sample, a whole second, where the `seconds` with the most energy begin; the first of equals."""
    whole = len(programme) // sample_rate
    if whole <= seconds:
        return 0
    energy = numpy.zeros(whole + 1)
    for second in range(whole):
        part = programme[second * sample_rate : (second + 1) * sample_rate].astype(numpy.float64)
        energy[second + 1] = energy[second] + (part * part).sum()
    return int(numpy.argmax(energy[seconds:] - energy[:-seconds])) * sample_rate


def _excerpt(pcm: Path, sample_rate: int, path: Path) -> None:
    """Write the faded excerpt as a 16-bit WAV."""
    with warnings.catch_warnings():
        # At import, pydub 0.25 warns of its own regular expressions, of audioop, and of an ffmpeg it is not asked to run.
        warnings.simplefilter("ignore")
        from pydub import AudioSegment

    programme = numpy.memmap(pcm, dtype=numpy.float32, mode="r").reshape(-1, CHANNELS)
    start = loudest(programme, sample_rate)
    part = programme[start : start + SECONDS * sample_rate]
    data = numpy.clip(numpy.rint(part * 32767), -32768, 32767).astype("<i2").tobytes()
    segment = AudioSegment(data, sample_width=2, frame_rate=sample_rate, channels=CHANNELS)
    quarter = len(segment) // 4  # ms
    if quarter:
        segment = segment.fade_in(min(FADE_IN, quarter)).fade_out(min(FADE_OUT, quarter))
    segment.export(path, format="wav").close()
