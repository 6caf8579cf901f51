"""Small masters of our own, written by PyAV: what a test does not say about them is a short stereo chirp."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import numpy
import numpy.typing as npt
import pytest

from ingest.ffmpeg import Ffmpeg, find_ffmpeg

Audio = npt.NDArray[numpy.float64]  # shape (channels, samples), within ±1
Writer = Callable[..., Path]

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}
CODECS = {
    ".wav": "pcm_s16le",
    ".flac": "flac",
    ".aiff": "pcm_s16be",
    ".m4a": "alac",
    ".mka": "pcm_s16le",
    ".caf": "pcm_s16be",
}
CODECS |= {".mp3": "libmp3lame", ".ogg": "libopus", ".aac": "aac", ".wv": "wavpack"}


@pytest.fixture(scope="session")
def ffmpeg() -> Ffmpeg:
    return find_ffmpeg()


@pytest.fixture(scope="session")
def chirp() -> Callable[..., Audio]:
    """A sweep that correlates with itself at one lag only, its right channel quieter than the left."""

    def make(samples: int, rate: int = 44100, channels: int = 2) -> Audio:
        time = numpy.arange(samples) / rate
        span = max(samples / rate, 1e-9)
        sweep = 0.5 * numpy.sin(2 * numpy.pi * (100 * time + (rate * 0.2 - 100) / 2 / span * time**2))
        return numpy.stack([sweep * 0.8**channel for channel in range(channels)])

    return make


@pytest.fixture
def write(tmp_path: Path, chirp: Callable[..., Audio]) -> Writer:
    """``write("a.flac", audio, rate=44100)`` writes a master in the test's folder and gives its path."""

    def make(
        name: str,
        audio: Audio | None = None,
        *,
        rate: int = 44100,
        codec: str | None = None,
        sample_format: str | None = None,
        tags: dict[str, str] | None = None,
        container: str | None = None,
    ) -> Path:
        audio = chirp(rate // 2, rate) if audio is None else audio
        path = tmp_path / name
        layout = LAYOUTS[len(audio)]
        # Through memory: libav would read protocols and patterns out of a hostile name.
        memory = io.BytesIO()
        memory.name = "master" + path.suffix  # type: ignore[attr-defined]
        with av.open(memory, "w", format=container) as output:
            output.metadata.update(tags or {})
            stream = output.add_stream(codec or CODECS[path.suffix], rate=rate, layout=layout)
            formats = [known.name for known in stream.codec_context.codec.audio_formats]
            stream.codec_context.format = sample_format or max(
                formats, key=lambda name: name.startswith("s16")
            )
            frame = av.AudioFrame.from_ndarray(
                numpy.ascontiguousarray(audio, dtype=numpy.float32), "fltp", layout
            )
            frame.sample_rate = rate
            stream.codec_context.open()
            size = stream.codec_context.frame_size or 4096
            resampler = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                output.mux(stream.encode(part))
            output.mux(stream.encode(None))
        path.write_bytes(memory.getvalue())
        return path

    return make


@pytest.fixture(scope="session")
def decode() -> Callable[..., Audio]:
    """Decode bytes with PyAV's libraries, which are not the ones that encoded them: float, shape (channels, samples)."""

    def run(data: bytes, container: str) -> Audio:
        with av.open(io.BytesIO(data), format=container) as source:
            resampler = av.AudioResampler("fltp")
            frames = [
                part.to_ndarray() for frame in source.decode(audio=0) for part in resampler.resample(frame)
            ]
        return numpy.concatenate(frames, axis=1).astype(numpy.float64)

    return run
