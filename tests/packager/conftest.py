"""Encoded music to package: a synthetic song, so that the tests need nothing but the ffmpeg of the wheel."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import imageio_ffmpeg
import numpy
import numpy.typing as npt
import pytest

from drm.keys import ContentKey
from media import adts
from media.access_units import Encoded
from media.presentation import Loudness
from media.song import Song
from packager.encryption import Encryption
from packager.package import Package, package

RATE = 44100
PRIMING = 1024  # ffmpeg's own AAC encoder
KEY = bytes.fromhex("00112233445566778899aabbccddeeff")
RUNGS = (("low", 24_000, 1), ("normal", 96_000, 2), ("high", 160_000, 2), ("very_high", 320_000, 2))

Pcm = npt.NDArray[numpy.int16]  # (samples, 2)


def compose(samples: int) -> Pcm:
    """Stereo with a rhythm: a gliding tone and bursts of noise, so that a shift by one sample shows."""
    time = numpy.arange(samples) / RATE
    tone = 0.25 * numpy.sin(2 * numpy.pi * (220 + 60 * time) * time)
    bursts = numpy.random.default_rng(1).standard_normal((samples, 2)) * 0.08 * (time % 0.5 < 0.1)[:, None]
    return ((tone[:, None] + bursts) * 32767).clip(-32768, 32767).astype(numpy.int16)


@pytest.fixture(scope="session")
def ffmpeg() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


@pytest.fixture(scope="session")
def encode(ffmpeg: str) -> Callable[[Pcm], tuple[Encoded, ...]]:
    """The ladder of a song, from PCM of shape (samples, 2)."""

    def run(pcm: Pcm, rungs: Sequence[tuple[str, int, int]] = RUNGS) -> tuple[Encoded, ...]:
        made = []
        for name, bitrate, channels in rungs:
            arguments = (
                f"-v error -f s16le -ar {RATE} -ac 2 -i - -ac {channels} -c:a aac -b:a {bitrate} -f adts -"
            )
            done = subprocess.run(
                [ffmpeg, *arguments.split()], input=pcm.tobytes(), capture_output=True, check=True
            )
            stream = adts.parse(done.stdout)
            made.append(
                Encoded(
                    name=name,
                    codec=stream.codec,
                    config=stream.config,
                    bitrate=bitrate,
                    sample_rate=stream.sample_rate,
                    channels=stream.channels,
                    priming=PRIMING,
                    samples=len(pcm),
                    units=stream.units,
                )
            )
        return tuple(made)

    return run


@pytest.fixture(scope="session")
def song_pcm() -> Pcm:
    """Eleven seconds and a bit: an odd number of samples, four segments."""
    return compose(11 * RATE + 777)


@pytest.fixture(scope="session")
def encoded(encode: Callable[[Pcm], tuple[Encoded, ...]], song_pcm: Pcm) -> tuple[Encoded, ...]:
    return encode(song_pcm)


@pytest.fixture(scope="session")
def blip(encode: Callable[[Pcm], tuple[Encoded, ...]]) -> tuple[Encoded, ...]:
    """50 ms: one segment of four access units."""
    return encode(compose(2205))


@pytest.fixture(scope="session")
def key() -> bytes:
    return KEY


@pytest.fixture(scope="session")
def lag() -> Callable[[Any, Any], int]:
    """By how many samples the second of two mono signals is late, from their cross-correlation."""

    def measure(reference: Any, other: Any) -> int:
        size = min(len(reference), len(other), 1 << 18)
        spectra = [numpy.fft.rfft(numpy.asarray(x[:size], dtype=float), 2 * size) for x in (reference, other)]
        peak = int(numpy.argmax(numpy.fft.irfft(spectra[1] * spectra[0].conj())))
        return peak if peak < size else peak - 2 * size

    return measure


SCHEMES = ("none", "cbcs", "cenc", "aes-128")
SONG = Song("a-song", "A Song", artists=("Somebody",), album="An Album")
VERSION = "0123456789abcdef"
KID = UUID("0a1b2c3d-0000-4000-8000-00000000cafe")


@pytest.fixture(scope="session")
def pack() -> Callable[..., Package]:
    """Package with the settings that a test does not care about."""

    def run(encoded: Sequence[Encoded], scheme: str = "none", **changes: Any) -> Package:
        key = ContentKey(KID, KEY, "a-song", 0)
        keys = {} if scheme == "none" else {each.name: key for each in encoded}
        arguments: dict[str, Any] = {
            "song": SONG,
            "version": VERSION,
            "encryption": Encryption(scheme, keys),
            "loudness": Loudness(None, None, None),
            "public": {"public/cover.jpg": b"cover", "public/peaks.json": b"[]"},
            "master": {"format": "flac"},
        }
        return package(encoded, **(arguments | changes))

    return run


@pytest.fixture(scope="session")
def loudness(ffmpeg: str, song_pcm: Pcm) -> Loudness:
    """The song's, by ffmpeg's meter."""
    command = f"{ffmpeg} -nostats -f s16le -ar {RATE} -ac 2 -i - -af ebur128 -f null -"
    done = subprocess.run(command.split(), input=song_pcm.tobytes(), capture_output=True, check=True)
    summary = done.stderr.decode().rpartition("Integrated loudness:")[2]
    return Loudness(float(summary.split("I:")[1].split()[0]), None, None)


@pytest.fixture(scope="session", params=SCHEMES)
def packed(request: pytest.FixtureRequest, pack: Callable[..., Package], encoded: Any) -> Package:
    """The song in each protection."""
    return pack(encoded, request.param)


@pytest.fixture
def published(tmp_path: Path) -> Callable[[Package], Path]:
    """Write a presentation as a store's folder; returns the version's folder."""

    def write(packed: Package) -> Path:
        folder = tmp_path / "songs" / packed.presentation.song.song_id / packed.presentation.version
        for path, body in packed.objects():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(body)
        return folder

    return write


@pytest.fixture
def folder(
    pack: Callable[..., Package], encoded: Any, loudness: Loudness, published: Callable[[Package], Path]
) -> Path:
    """A good presentation in cbcs, to plant faults in."""
    return published(pack(encoded[:3], "cbcs", loudness=loudness))
