"""What a master is, by its header alone; and everything that is none."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.probe import Master, probe
from media.errors import MasterRejected

Writer = Callable[..., Path]


def refusal(path: Path, **options: int) -> str:
    """The reason, after a look at the message: one line that names the file."""
    with pytest.raises(MasterRejected) as caught:
        probe(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert path.suffix in message
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("a.wav", {}, ("wav", "pcm_s16le", True, 16, 22050)),
        ("a.wav", {"codec": "pcm_s24le"}, ("wav", "pcm_s24le", True, 24, 22050)),
        ("a.wav", {"codec": "pcm_f32le"}, ("wav", "pcm_f32le", True, 32, 22050)),
        ("a.wav", {"codec": "pcm_u8"}, ("wav", "pcm_u8", True, 8, 22050)),
        ("a.w64", {"codec": "pcm_s16le"}, ("w64", "pcm_s16le", True, 16, 22050)),
        ("a.aiff", {}, ("aiff", "pcm_s16be", True, 16, 22050)),
        ("a.flac", {}, ("flac", "flac", True, 16, 22050)),
        ("a.m4a", {"sample_format": "s16p"}, ("mov", "alac", True, 16, 22050)),
        ("a.wv", {}, ("wv", "wavpack", True, 16, 22050)),
        ("a.caf", {}, ("caf", "pcm_s16be", True, 16, None)),
        ("a.mka", {}, ("matroska", "pcm_s16le", True, 16, None)),
        ("a.mp3", {}, ("mp3", "mp3", False, None, 22050)),
        ("a.aac", {}, ("aac", "aac", False, None, None)),
    ],
)
def test_kinds(write: Writer, name: str, options: dict[str, str], expected: tuple[object, ...]) -> None:
    path = write(name, **options)
    master = probe(path)
    assert (master.container, master.codec, master.lossless, master.bits, master.declared_samples) == expected
    assert (master.sample_rate, master.channels, master.layout) == (44100, 2, "stereo")
    assert master.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert master.size == path.stat().st_size


@pytest.mark.parametrize(("channels", "layout"), [(1, "mono"), (2, "stereo"), (6, "5.1")])
def test_layouts(write: Writer, channels: int, layout: str) -> None:
    master = probe(write("a.flac", numpy.full((channels, 5000), 0.1)))
    assert (master.channels, master.layout) == (channels, layout)
    assert master.facts()["layout"] == layout


def test_the_suffix_decides_nothing(write: Writer) -> None:
    flac = write("a.flac")
    for name in ("b.mp3", "c", "d.m3u8", "e.jpg"):
        path = flac.rename(flac.with_name(name))
        assert probe(path).container == "flac"
        flac = path


def archive() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        file.writestr("a.flac", "x")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("empty.wav", b"", "empty"),
        ("text.flac", b"this is not audio, whatever its name says\n", "not-audio"),
        ("random.mp3", numpy.random.default_rng(1).bytes(60_000), "not-audio"),
        ("zeros.wav", bytes(10_000), "not-audio"),
        ("page.wav", b"<!doctype html><title>404</title>", "not-audio"),
        ("archive.flac", archive(), "not-audio"),
        ("one-byte.flac", b"f", "not-audio"),
        ("magic.flac", b"fLaC", "not-audio"),
        ("cut.m4a", b"\0\0\0\x20ftypM4A " + bytes(20) + b"\0\1\0\0mdat" + bytes(5000), "truncated"),
        ("header.wav", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0D\xac\0\0\x10\xb1\2\0\4\0\x10\0data\0\0\0\0", "no-samples"),
    ],
)  # fmt: skip
def test_what_is_no_master(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert refusal(path) == reason


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{song}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile '{song}'\n"),
        ("list.wav", "ffconcat version 1.0\nfile '{song}'\n"),
        ("list.mpd", '<?xml version="1.0"?><MPD><Period><BaseURL>{song}</BaseURL></Period></MPD>'),
        ("list.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 5004 RTP/AVP 0\n"),
    ],
)  # fmt: skip
def test_a_master_never_opens_other_files(write: Writer, tmp_path: Path, name: str, text: str) -> None:
    song = write("song.flac")
    path = tmp_path / name
    path.write_text(text.format(song=song))
    assert refusal(path) == "not-audio"


def test_pictures_without_sound(tmp_path: Path) -> None:
    path = tmp_path / "video.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(numpy.zeros((64, 64, 3), dtype=numpy.uint8))
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert refusal(path) == "no-audio-stream"


def test_what_the_system_refuses(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.flac") == "unreadable"
    (tmp_path / "folder.flac").mkdir()
    assert refusal(tmp_path / "folder.flac") == "unreadable"
    os.mkfifo(tmp_path / "pipe.flac")  # and no waiting for somebody to write to it
    assert refusal(tmp_path / "pipe.flac") == "unreadable"


def test_too_long(write: Writer) -> None:
    path = write("long.wav", numpy.zeros((1, 8000 * 11)), rate=8000)
    assert refusal(path, max_seconds=10) == "too-large"
    assert isinstance(probe(path, max_seconds=11), Master)


@pytest.mark.parametrize("name", ["two\nlines.wav", "\x1b[31mred.wav", "not-utf8-\udcff.wav"])
def test_a_message_stays_a_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(MasterRejected) as caught:
        probe(tmp_path / name)
    assert str(caught.value).isprintable()


def test_a_header_that_points_outside_the_file_is_nothing_to_talk_about(
    write: Writer, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write("a.caf")
    path.write_bytes(path.read_bytes() + b"junk" + b"\x7f" * 200)
    assert probe(path).codec == "pcm_s16be"
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The beginnings of real files, to break."""
    made = []
    for container, codec in (
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
        ("ipod", "alac"),
        ("mp3", "libmp3lame"),
        ("ogg", "libopus"),
        ("aiff", "pcm_s16be"),
    ):
        memory = io.BytesIO()
        with av.open(memory, "w", format=container) as output:
            output.metadata["title"] = "x"
            stream = output.add_stream(codec, rate=48000, layout="stereo")
            frame = av.AudioFrame(stream.codec_context.codec.audio_formats[0].name, "stereo", 960)
            frame.sample_rate = 48000
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        made.append(memory.getvalue()[:2000])
    return made


@settings(max_examples=150, deadline=2000)
@given(
    which=st.integers(0, 5),
    changes=st.lists(st.tuples(st.integers(0, 1999), st.integers(0, 255)), max_size=8),
    keep=st.integers(1, 2000),
)
def test_broken_headers_are_read_or_refused(
    seeds: list[bytes],
    tmp_path_factory: pytest.TempPathFactory,
    which: int,
    changes: list[tuple[int, int]],
    keep: int,
) -> None:
    data = bytearray(seeds[which])
    for place, value in changes:
        data[place % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "broken.bin"
    path.write_bytes(data[:keep])
    try:
        master = probe(path)
    except MasterRejected:
        return
    assert master.sample_rate > 0
    assert master.channels > 0
