"""What a decoder hears: libav reads init and segments as one file, decrypts and decodes them, one unit at a time.

A broken unit is noted with the place in the song where it lies, and decoding goes on. Only what later comparisons need is
kept of the sound: the whole of it in a band below 1.4 kHz, and a few excerpts in full, the same for all renditions.

    heard = decode(init + b"".join(segments), key=key, sample_rate=44100, channels=2, samples=song.samples)
    heard.errors       [(44032, "Invalid data found when processing input")]
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from av.filter import Graph

from media.errors import MasterRejected

Signal = npt.NDArray[numpy.float32]

DECIMATION = 16
EXCERPTS = 8
EXCERPT = 1 << 17  # samples, three seconds
# What libav's decoders of AAC, Opus and FLAC put out, and which value there is full scale
FULL_SCALE = {"fltp": 1.0, "flt": 1.0, "s16": 2.0**15, "s16p": 2.0**15, "s32": 2.0**31, "s32p": 2.0**31}
BATCH = 256  # frames whose sums are made in one go
RESAMPLED = 32  # samples by which two resamplers may differ about a song's length


@dataclass(frozen=True, slots=True)
class Heard:
    """`decoded` samples came out; `errors` are starts in samples and what libav said there.

    `low` is the mono sum and `power` the mean power of all channels, both in steps of `DECIMATION` samples; `excerpts` are
    the mono sum in full at places that follow from the song's length alone, shape (EXCERPTS, at most EXCERPT).
    `loudness` is in LUFS, ``None`` where the meter has no answer.
    """

    decoded: int
    errors: tuple[tuple[int, str], ...]
    low: Signal
    power: Signal
    excerpts: Signal
    loudness: float | None


def decode(
    file: bytes,
    *,
    key: bytes | None,
    sample_rate: int,
    channels: Collection[int],
    samples: int,
    meter: bool = False,
) -> Heard:
    """Decode a fragmented MP4 of one track, of which `samples` are the song; `meter` measures its loudness.

    `channels` are the numbers that may come out.
    """
    options = {} if key is None else {"decryption_key": key.hex()}
    errors: list[tuple[int, str]] = []
    sums = _Sums()
    loudness = _Meter(sample_rate) if meter else None
    decoded = 0
    try:
        with av.open(io.BytesIO(file), format="mp4", options=options) as container:
            for start, frame in _frames(container, errors):
                # Garbage may decode to another layout in the middle of a stream, which the meter does not survive.
                if frame.layout.nb_channels not in channels or frame.format.name not in FULL_SCALE:
                    errors.append((start, f"{frame.layout.name}, {frame.format.name} instead of the track's"))
                    continue
                decoded += frame.samples
                sums.add(start, _samples(frame))
                if loudness is not None:
                    loudness.push(frame)
    except FFmpegError as error:
        errors.append((0, str(error)))
    mono, power = _joined(sums.finished(), samples)
    return Heard(
        decoded,
        tuple(errors),
        _in_steps(mono),
        _in_steps(power),
        _excerpts(mono, samples),
        None if loudness is None else loudness.integrated(),
    )


def _frames(container: Any, errors: list[tuple[int, str]]) -> Iterator[tuple[int, AudioFrame]]:
    """The frames and where they start; what does not decode goes to `errors`."""
    if not container.streams.audio:
        errors.append((0, "no track of sound is found"))
        return
    for packet in container.demux(audio=0):
        try:
            frames = packet.decode()
        except FFmpegError as error:
            errors.append((packet.pts or 0, str(error)))
            continue
        for frame in frames:
            yield frame.pts or 0, frame


@dataclass(frozen=True, slots=True)
class MasterSound:
    """The master as `Heard` keeps a rendition; `samples` is its own length, exact to `tolerance` after resampling."""

    samples: int
    tolerance: int
    low: Signal
    power: Signal
    excerpts: Signal


def hear_master(path: Path, *, sample_rate: int, samples: int) -> MasterSound:
    """Decode a sound file for comparison with a song of `samples`. Raises `MasterRejected`."""
    try:
        own_rate, pieces = _decode_master(path, sample_rate)
    except (FFmpegError, IndexError) as error:
        raise MasterRejected("not-audio", f"{path.name}: {error}") from None
    mono, power = numpy.concatenate(pieces, axis=1) if pieces else numpy.zeros((2, 0), dtype=numpy.float32)
    return MasterSound(
        len(mono),
        0 if own_rate == sample_rate else RESAMPLED,
        _in_steps(mono[:samples]),
        _in_steps(power[:samples]),
        _excerpts(mono[:samples], samples),
    )


def _decode_master(path: Path, sample_rate: int) -> tuple[int, list[Signal]]:
    """Its own sample rate, and its frames resampled, each as `_summed`."""
    resampler = AudioResampler(format="fltp", layout="stereo", rate=sample_rate)
    pieces: list[Signal] = []
    with av.open(f"file:{path}") as container:
        own_rate = container.streams.audio[0].sample_rate
        for frame in container.decode(audio=0):
            frame.pts = None
            pieces += (_summed(_samples(each)) for each in resampler.resample(frame))
    return own_rate, [*pieces, *(_summed(_samples(each)) for each in resampler.resample(None))]


class _Sums:
    """Sums of frames that follow each other, made of many at a time: a call for each would cost more than the decoder."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, Signal]] = []
        self._batch: list[Signal] = []
        self._start = self._end = 0

    def add(self, start: int, channels: Signal) -> None:
        """A frame of shape (channels, n) that begins at sample `start`."""
        if (
            start != self._end
            or len(self._batch) == BATCH
            or (self._batch and len(channels) != len(self._batch[0]))
        ):
            self._flush()
            self._start = self._end = start
        self._batch.append(channels)
        self._end += channels.shape[1]

    def finished(self) -> list[tuple[int, Signal]]:
        """Starts, and mono sum and power from there on, shape (2, n)."""
        self._flush()
        return self._pieces

    def _flush(self) -> None:
        if self._batch:
            self._pieces.append((self._start, _summed(numpy.concatenate(self._batch, axis=1))))
            self._batch = []


def _samples(frame: AudioFrame) -> Signal:
    """The frame as float32 between −1 and 1, shape (channels, n)."""
    channels = frame.to_ndarray()
    if not frame.format.is_planar:
        channels = channels.reshape(-1, frame.layout.nb_channels).T
    sound: Signal = channels.astype(numpy.float32, copy=False)
    scale = FULL_SCALE[frame.format.name]
    return sound if scale == 1 else sound / numpy.float32(scale)


def _summed(channels: Signal) -> Signal:
    """The mono sum and the mean power over the channels, sample by sample, shape (2, n)."""
    return numpy.stack((channels.mean(axis=0), (channels * channels).mean(axis=0)))


def _joined(pieces: list[tuple[int, Signal]], samples: int) -> Signal:
    """Pieces put where they belong, silence in between, cut at the end of the song.

    Times come out of the file and may lie: what is far behind all that was decoded is left out.
    """
    plausible = 2 * sum(piece.shape[1] for _, piece in pieces)
    length = min(samples, plausible, max((start + piece.shape[1] for start, piece in pieces), default=0))
    joined = numpy.zeros((2, max(0, length)), dtype=numpy.float32)
    for start, piece in pieces:
        if 0 <= start < length:
            joined[:, start : start + piece.shape[1]] = piece[:, : length - start]
    return joined


def _in_steps(signal: Signal) -> Signal:
    """Means of `DECIMATION` samples: the signal below about 1.4 kHz, where all bit rates agree."""
    whole = len(signal) // DECIMATION * DECIMATION
    steps: Signal = signal[:whole].reshape(-1, DECIMATION).mean(axis=1, dtype=numpy.float32)
    return steps


def _excerpts(signal: Signal, samples: int) -> Signal:
    """Stretches spread evenly over the song, at places that are the same for every signal of one song."""
    size = min(EXCERPT, samples)
    padded = numpy.zeros((EXCERPTS, size), dtype=numpy.float32)
    for row in range(EXCERPTS):
        start = (samples - size) * row // (EXCERPTS - 1)
        piece = signal[start : start + size]
        padded[row, : len(piece)] = piece
    return padded


class _Meter:
    """EBU R 128, by libav's own filter."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._graph: Graph | None = None
        self._value: float | None = None

    def push(self, frame: AudioFrame) -> None:
        if self._graph is None:
            self._graph = Graph()
            source = self._graph.add_abuffer(
                format=frame.format.name,
                sample_rate=self._rate,
                layout=frame.layout.name,
                time_base=Fraction(1, self._rate),
            )
            meter = self._graph.add("ebur128", "metadata=1:framelog=quiet")
            source.link_to(meter)
            meter.link_to(self._graph.add("abuffersink"))
            self._graph.configure()
        self._graph.push(frame)
        self._pull()

    def integrated(self) -> float | None:
        if self._graph is not None:
            self._graph.push(None)
            self._pull()
        # The filter's way to say that no block ever passed its gate
        return None if self._value is None or self._value <= -70 else self._value

    def _pull(self) -> None:
        assert self._graph is not None
        while True:
            try:
                told = self._graph.pull().metadata.get("lavfi.r128.I")
            except (BlockingIOError, EOFError):
                return
            self._value = self._value if told is None else float(told)
