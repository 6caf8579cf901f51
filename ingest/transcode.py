"""A master becomes its renditions: one ffmpeg process, one decode, and nothing assumed about the result.

The same decode serves the encoders, the loudness meter, the waveform, the preview and the quality control.
Lengths are known to the sample: the PCM file says how long the programme is, and every rendition holds
``PRIMING`` samples of encoder delay, then the programme, then padding to a full unit.

    transcoded = await transcode(master, DEFAULT_LADDER, ffmpeg=find_ffmpeg(), work=folder)
    transcoded.samples, [encoded.name for encoded in transcoded.encoded]
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy

from ingest.diagnosis import diagnose, tolerance
from ingest.ffmpeg import Ffmpeg, Finished, run
from ingest.files import shown
from ingest.graph import CHANNELS, PROGRAMME, adts_name, arguments
from ingest.ladder import Ladder, Rung, sample_rate
from ingest.loudness import parse_summary
from ingest.probe import MAX_SECONDS, Master
from media.access_units import AccessUnits, Encoded
from media.adts import parse
from media.errors import FormatError, MasterRejected, TranscodeFailed
from media.presentation import Loudness

PRIMING = 1024  # samples: ffmpeg's AAC encoder starts one frame before the programme
_FRAME = 4 * CHANNELS  # bytes of one sample of the programme
_LOOK = 1 << 20  # bytes at a time, when looking for the first sound


@dataclass(frozen=True, slots=True)
class Transcoded:
    """`samples` and `sample_rate` of the programme; `pcm` is a file of float32 little-endian stereo at that rate.

    The file lies in a folder of its own inside the working folder that `transcode` was given, and is the caller's.
    """

    encoded: tuple[Encoded, ...]
    samples: int
    sample_rate: int
    loudness: Loudness
    pcm: Path


async def transcode(
    master: Master,
    ladder: Ladder,
    *,
    ffmpeg: Ffmpeg,
    work: Path,
    on_progress: Callable[[int, int | None], None] | None = None,
    timeout: float = 3600,
    max_seconds: int = MAX_SECONDS,
) -> Transcoded:
    """Decode `master` once and encode every rung; a ladder without rungs only measures.

    `on_progress` gets samples done and, when the header counts them, samples in all, both at the ladder's rate.
    Raises `MasterRejected` (truncated, corrupt, silent, no-samples, header-lies, too-large) and `TranscodeFailed`.
    On any error, and when cancelled, no process and no file is left.
    """
    rate = sample_rate(master.sample_rate)
    folder = Path(tempfile.mkdtemp(prefix="transcode-", dir=work))
    try:
        finished = await run(
            ffmpeg,
            arguments(master, ladder, rate, max_seconds),
            cwd=folder,
            timeout=timeout,
            on_progress=_progress(on_progress, master, rate),
        )
        return await asyncio.to_thread(_accept, master, ladder, folder, finished, rate, max_seconds)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def resampled(samples: int, rate: int, to: int) -> int:
    """Length after resampling: ``samples·to/rate``, rounded half up."""
    return (2 * samples * to + rate) // (2 * rate)


def _progress(
    on_progress: Callable[[int, int | None], None] | None, master: Master, rate: int
) -> Callable[[int], None] | None:
    """Samples out of ffmpeg's microseconds."""
    if on_progress is None:
        return None
    declared = master.declared_samples
    total = None if declared is None else resampled(declared, master.sample_rate, rate)

    def report(microseconds: int) -> None:
        done = microseconds * rate // 1_000_000
        on_progress(done if total is None else min(done, total), total)

    return report


def _accept(
    master: Master, ladder: Ladder, folder: Path, finished: Finished, rate: int, max_seconds: int
) -> Transcoded:
    """What the process left in `folder`, after quality control."""
    pcm = folder / PROGRAMME
    samples = pcm.stat().st_size // _FRAME if pcm.exists() else 0
    _control(master, finished, samples, rate, max_seconds)
    # Eight bits end 48 dB below full scale: a quiet place can be all zeros there, and no sound is refused for that.
    if (master.bits is None or master.bits > 8) and _silent(pcm):
        raise MasterRejected("silent", f"{shown(master.path)}: every sample is zero")
    return Transcoded(
        encoded=tuple(_encoded(folder, rung, samples, rate) for rung in ladder.rungs),
        samples=samples,
        sample_rate=rate,
        loudness=parse_summary(finished.stderr),
        pcm=pcm,
    )


def _control(master: Master, finished: Finished, samples: int, rate: int, max_seconds: int) -> None:
    """What was decoded against what was declared, and against what ffmpeg complained about."""
    name, declared, complaints = shown(master.path), master.declared_samples, finished.complaints
    if samples > max_seconds * rate:
        raise MasterRejected("too-large", f"{name}: longer than the {max_seconds} s that are allowed")
    complete = False
    if declared is not None:
        off = abs(samples - resampled(declared, master.sample_rate, rate))
        complete = off <= resampled(tolerance(master), master.sample_rate, rate)
    if finished.code == 0 and samples and (complete or (declared is None and not complaints)):
        return
    diagnose(master)
    if finished.code != 0 or not samples:
        said = complaints[0] if complaints else f"exit code {finished.code}"
        raise TranscodeFailed(f"{name}: ffmpeg: {said}")
    if declared is not None:
        raise TranscodeFailed(f"{name}: {declared} samples became {samples} at {rate} Hz")


def _silent(pcm: Path) -> bool:
    with pcm.open("rb") as file:
        while block := file.read(_LOOK):
            if numpy.frombuffer(block, dtype=numpy.float32).any():
                return False
    return True


def _encoded(folder: Path, rung: Rung, samples: int, rate: int) -> Encoded:
    """Take over one rendition, and hold it against what was asked for."""
    path = folder / adts_name(rung.name)
    try:
        adts = parse(path.read_bytes())
    except FormatError as error:
        raise TranscodeFailed(f"rung {rung.name}: {error}") from None
    path.unlink()
    if (adts.sample_rate, adts.channels) != (rate, rung.channels):
        raise TranscodeFailed(
            f"rung {rung.name}: {adts.channels} channels at {adts.sample_rate} Hz instead of {rung.channels} at {rate}"
        )
    needed = -(-(PRIMING + samples) // adts.units.samples_per_unit)
    if len(adts.units) < needed:
        raise TranscodeFailed(f"rung {rung.name}: {len(adts.units)} access units, {needed} are needed")
    sizes = adts.units.sizes[:needed]
    units = AccessUnits(adts.units.data[: int(sizes.sum())], sizes, adts.units.samples_per_unit)
    return Encoded(
        name=rung.name,
        codec=adts.codec,
        config=adts.config,
        bitrate=rung.bitrate,
        sample_rate=rate,
        channels=rung.channels,
        priming=PRIMING,
        samples=samples,
        units=units,
    )
