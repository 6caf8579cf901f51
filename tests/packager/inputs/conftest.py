"""Encoded files as the ffmpeg of the wheel writes them, and what comes of them when they are packaged."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
import pytest

from drm import cbcs
from media import adts
from media.access_units import Encoded
from media.boxes import Box, parse
from packager.fragments import read_init, write_segment
from packager.plan import common_grid, plan_segments
from packager.sample_entry import roll_distance
from packager.track import Init, write_init

RATE = 48000
SAMPLES = 3 * RATE + 777
Sound = Any  # float32, shape (samples, channels)


@pytest.fixture(scope="session")
def pcm() -> Any:
    """Three seconds of a glide and noise, int16, shape (`SAMPLES`, 2), 48 kHz."""
    time = numpy.arange(SAMPLES) / RATE
    noise = numpy.random.default_rng(1).standard_normal((SAMPLES, 2)) * 0.05
    sound = (0.3 * numpy.sin(2 * numpy.pi * (220 + 60 * time) * time))[:, None] + noise
    return (sound * 32767).astype("<i2")


@pytest.fixture(scope="session")
def made(ffmpeg: str, pcm: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], bytes]:
    """``made("-c:a flac", "ogg")``: `pcm` in a file of that kind."""
    folder = tmp_path_factory.mktemp("made")

    @cache
    def make(arguments: str, suffix: str) -> bytes:
        path = folder / f"song.{suffix}"
        command = f"{ffmpeg} -y -v error -f s16le -ar {RATE} -ac 2 -i - {arguments} {path}"
        subprocess.run(command.split(), input=pcm.tobytes(), check=True)
        return path.read_bytes()

    return make


@pytest.fixture
def decoded(ffmpeg: str, tmp_path: Path) -> Callable[..., Sound]:
    """What ffmpeg makes of a file, shape (samples, channels); it must not complain."""

    def decode(data: bytes, channels: int = 2, key: bytes | None = None) -> Sound:
        path = tmp_path / "given"
        path.write_bytes(data)
        options = [] if key is None else ["-decryption_key", key.hex()]
        command = [ffmpeg, "-v", "error", "-xerror", *options, "-i", str(path), "-f", "f32le", "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stderr == b""
        return numpy.frombuffer(done.stdout, dtype="<f4").reshape(-1, channels)

    return decode


@pytest.fixture(scope="session")
def packaged() -> Callable[..., bytes]:
    """Init and segments of a rendition end to end, clear or cbcs."""

    def run(encoded: Encoded, **protection: Any) -> bytes:
        unit, units = encoded.units.samples_per_unit, encoded.units
        rate, grid = encoded.sample_rate, common_grid([(encoded.priming, unit)])
        plan = plan_segments(encoded.samples, grid=grid, first=rate, target=2 * rate)
        edges = [0, *((piece.end + encoded.priming) // unit for piece in plan[:-1]), len(units)]
        key = protection.pop("key", None)
        init = Init(
            codec=encoded.codec,
            config=encoded.config,
            sample_rate=encoded.sample_rate,
            channels=encoded.channels,
            timescale=encoded.sample_rate,
            media_time=encoded.priming,
            samples=encoded.samples,
            samples_per_unit=unit,
            avg_bitrate=encoded.bitrate,
            **protection,
        )
        data = memoryview(units.data)
        if key is not None:
            data = memoryview(cbcs.encrypt(data, units.sizes, key=key, iv=init.constant_iv))
        head = write_init(init)
        assert read_init(head) == init
        return head + b"".join(
            write_segment(
                number,
                data[units.offsets[start] : units.offsets[stop]],
                units.sizes[start:stop],
                base_media_decode_time=start * unit,
                samples_per_unit=unit,
                rolls=roll_distance(encoded.codec, unit) != 0,
            )
            for number, (start, stop) in enumerate(pairwise(edges), start=1)
        )

    return run


@pytest.fixture(scope="session")
def changed() -> Callable[..., bytes]:
    """``changed(file, ElstBox, entries=…)``: the file with other fields in every box of that class; ``remove=True``: without
    it. Offsets stay as they are, which is right while `moov` lies behind the media."""

    def remade(box: Any, kind: type[Box], fields: dict[str, Any] | None) -> list[Any]:
        if isinstance(box, kind):
            return [] if fields is None else [replace(box, **fields)]
        if hasattr(box, "children"):
            children = (new for child in box.children for new in remade(child, kind, fields))
            return [replace(box, children=tuple(children))]
        return [box]

    def change(data: bytes, kind: type[Box], /, *, remove: bool = False, **fields: Any) -> bytes:
        made = (new for box in parse(data) for new in remade(box, kind, None if remove else fields))
        return b"".join(box.to_bytes() for box in made)

    return change


# There is no HE-AAC encoder here: fill elements that hold SBR data without a header turn AAC-LC into HE-AAC whose upper half is
# silent, which decoders double in rate all the same (ISO/IEC 14496-3 §4.4.2.8).
FILL = 0b110_0001_1101_0000  # ID_FIL, one byte: EXT_SBR_DATA and no header
FILL_BITS = 15


def with_sbr(unit: bytes) -> bytes:
    """The unit with a fill element in front of ID_END, the three ones that end it."""
    bits, length = int.from_bytes(unit, "big"), len(unit) * 8
    padding = (bits & -bits).bit_length() - 1
    bits, length = bits >> padding + 3, length - padding - 3
    bits, length = (bits << FILL_BITS | FILL) << 3 | 7, length + FILL_BITS + 3
    return (bits << -length % 8).to_bytes((length + 7) // 8, "big")


def with_header(stream: bytes, unit: bytes) -> bytes:
    """The ADTS header of `stream` in front of another unit."""
    head = bytearray(stream[:7])
    size = len(unit) + 7
    head[3:6] = bytes((head[3] & 0xFC | size >> 11, size >> 3 & 0xFF, size << 5 & 0xE0 | head[5] & 0x1F))
    return bytes(head) + unit


@pytest.fixture(scope="session")
def he_aac(made: Callable[[str, str], bytes]) -> Callable[[int], bytes]:
    """An ADTS stream of that many channels that calls itself AAC-LC at 24 kHz."""

    def make(channels: int) -> bytes:
        stream = made(f"-c:a aac -b:a 48k -aac_pns 0 -ar 24000 -ac {channels}", "aac")
        units = adts.parse(stream).units
        return b"".join(
            with_header(stream, with_sbr(bytes(units.payload(place, place + 1))))
            for place in range(len(units))
        )

    return make
