"""What the soak breaks: every box, and short files of every kind, ours and ffmpeg's."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

import media.boxes as m
from media.access_units import Encoded
from packager.package import Package

ROWS = numpy.array([[1, 2], [3, 4]], dtype=">u4")
COLUMN = numpy.array([5, 6], dtype=">u4")
LOUDNESS = m.MeasuredLoudness((m.Measurement(1, 139, 1, 3), m.Measurement(6, 25, 1, 3)), 600, 672, 1, 3)
# What the files below do not hold, or not in all its forms
BY_HAND: tuple[m.Box, ...] = (
    m.SidxBox(1, 44100, 0, 0, numpy.array([[1000, 44100, 1 << 31]] * 3, dtype=">u4"), version=1),
    m.SidxBox(1, 44100, 0, 0, numpy.array([[1000, 44100, 1 << 31]], dtype=">u4")),
    m.SencBox(2, bytes(range(16))),
    m.SencBox(1, bytes(8) + b"\0\1\0\2\0\0\0\3", flags=m.SencBox.SUBSAMPLES),
    m.SaizBox(0, 3, b"\x08\x10\x08", b"cenc\0\0\0\0", flags=1),
    m.SaioBox(numpy.array([77], dtype=">u8"), b"cenc\0\0\0\0", version=1, flags=1),
    m.PsshBox(1, bytes(range(16)), (b"k" * 16, b"l" * 16), b"data"),
    m.PsshBox(0, bytes(range(16)), (), b"data"),
    m.UdtaBox((m.LudtBox((m.TlouBox((LOUDNESS,)), m.AlouBox((LOUDNESS, LOUDNESS), version=1))),), bytes(4)),
    m.SgpdBox(b"roll", (b"\xff\xff",)),
    m.SgpdBox(b"seig", (b"one", b"another")),
    m.SbgpBox(b"roll", ROWS, 7, version=1),
    m.TrunBox(2, -8, 7, COLUMN, COLUMN, COLUMN, numpy.array([-1, 1], dtype=">i4"), version=1),
    m.TfhdBox(1, 2, 3, 4, 5, 6, flags=m.TfhdBox.DEFAULT_BASE_IS_MOOF),
    m.ElstBox((m.Edit(1, -1), m.Edit(441, 1024))),
    m.Co64Box(numpy.array([1, 1 << 40], dtype=">u8")),
    m.SttsBox(ROWS),
    m.StscBox(numpy.array([[1, 2, 1]], dtype=">u4")),
    m.StszBox(0, 2, COLUMN),
    m.StcoBox(COLUMN),
    m.DopsBox(3, 312, 48000, -256, 1, b"\2\1\0\2\1"),
    m.DflaBox((m.MetadataBlock(0, bytes(34)), m.MetadataBlock(4, b"comment"))),
    m.EsdsBox(bytes(200), avg_bitrate=1),
    m.AlacBox(2, 44100 << 16, (m.UnknownBox(b"\0\0\0\x24alac" + bytes(28)),)),
    m.TencBox(bytes(16), 8, version=0),
    m.MdhdBox(48000, 7, b"eng"),
    m.MvhdBox(1000, 1 << 33, 2, version=1),
    m.TkhdBox(1, 1 << 33, version=1),
    m.MehdBox(7),
    m.TfdtBox(7),
)
FFMPEG = {
    "plain.m4a": "-c:a aac -b:a 64k",
    "fragments.mp4": "-c:a aac -movflags empty_moov+default_base_moof+dash -frag_duration 50000",
    "halves.mp4": "-c:a aac -ar 22050 -ac 1 -movflags frag_keyframe -frag_duration 50000",
    "opus.mp4": "-c:a libopus -b:a 64k",
    "flac.mp4": "-c:a flac",
    "alac.m4a": "-c:a alac",
    "secret.mp4": "-c:a aac -encryption_scheme cenc-aes-ctr -encryption_key 00112233445566778899aabbccddeeff"
    " -encryption_kid 00112233445566778899aabbccddeeff",
    "adts.aac": "-c:a aac -b:a 64k",
    "low.aac": "-c:a aac -b:a 32k -ar 22050 -ac 1",
    "raw.flac": "-c:a flac -frame_size 1000",
    "opus.ogg": "-c:a libopus -b:a 64k",
    "flac.ogg": "-c:a flac",
    "vorbis.ogg": "-c:a libvorbis",
}


def walk(boxes: Any) -> list[m.Box]:
    return [found for box in boxes for found in (box, *walk(getattr(box, "children", ())))]


@pytest.fixture(scope="session")
def seeds(
    tmp_path_factory: pytest.TempPathFactory,
    ffmpeg: str,
    blip: tuple[Encoded, ...],
    pack: Callable[..., Package],
) -> Path:
    """A folder of files to break; a box alone ends in ``.box``."""
    folder = tmp_path_factory.mktemp("seeds")
    sound = (numpy.random.default_rng(1).standard_normal((4000, 2)) * 3000).astype("<i2").tobytes()
    for name, arguments in FFMPEG.items():
        command = f"{ffmpeg} -v error -f s16le -ar 44100 -ac 2 -i - {arguments} -bitexact {folder / name}"
        subprocess.run(command.split(), input=sound, check=True)
    for scheme in ("none", "cbcs", "cenc"):
        packed = pack(blip[:2], scheme)
        for path, body in packed.objects():
            (folder / f"{scheme}-{path.replace('/', '-')}").write_bytes(body)
        rendition = packed.presentation.renditions[0]
        media = (
            packed.bodies[path] for path in (rendition.init, *(each.path for each in rendition.segments))
        )
        (folder / f"{scheme}.mp4").write_bytes(b"".join(media))
    held = {box.to_bytes() for box in walk(BY_HAND) if box.type != b"mdat"}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".mp4", ".m4a", ".m4s"):
            held |= {box.to_bytes() for box in walk(m.parse(path.read_bytes())) if box.type != b"mdat"}
    held.add(m.MdatBox(b"sound").to_bytes())
    for number, data in enumerate(sorted(held)):
        (folder / f"{number:04d}.box").write_bytes(data)
    return folder
