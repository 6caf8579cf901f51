"""FLAC, Ogg and ADTS: frames found by other means than ours, and files that break off, lie or are something else."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import av
import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from media import ogg
from media.crc import CRC8, CRC16, CRC32
from media.errors import FormatError
from media.flac import StreamInfo, read_config
from packager.inputs import read, read_file

SAMPLES = 3 * 48000 + 777
Made = Callable[[str, str], bytes]
FIRST_FRAME = b"\xff\xf8"


def test_frames_are_what_pyav_parses(made: Made) -> None:
    data = made("-c:a flac", "flac")
    encoded = read(data, name="x")
    with av.open(io.BytesIO(data)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert encoded.units.sizes.tolist() == [len(packet) for packet in packets]
    assert encoded.units.data == b"".join(packets)
    info = read_config(encoded.config)
    assert (info.samples, info.bits, info.md5) == (SAMPLES, 16, StreamInfo.from_bytes(data[8:42]).md5)


def test_a_real_record_is_cut_right(good_masters: Path) -> None:
    data = (good_masters / "battle-epic.flac").read_bytes()
    encoded = read(data, name="x")
    with av.open(io.BytesIO(data)) as container:
        sizes = [packet.size for packet in container.demux(audio=0) if packet.size]
    assert encoded.units.sizes.tolist() == sizes
    assert encoded.samples == StreamInfo.from_bytes(data[8:42]).samples


def block(number: int, size: int, body: bytes = b"") -> bytes:
    """A frame of one channel at 44.1 kHz and 16 bits; what is in it is of no matter."""
    head = b"\xff\xf8\x79\x08" + bytes((number,)) + (size - 1).to_bytes(2, "big")
    head += bytes((CRC8(head),))
    return head + body + CRC16(head + body).to_bytes(2, "big")


def flac(*frames: bytes, samples: int = 0) -> bytes:
    info = StreamInfo(16, 4096, 0, 0, 44100, 1, 16, samples, bytes(16))
    return b"fLaC" + info.config() + b"".join(frames)


def test_what_looks_like_a_frame_inside_a_frame_is_not_taken_for_one() -> None:
    decoy = block(1, 100, b"decoy")
    encoded = read(flac(block(0, 100, b"..." + decoy[:9] + b"..."), block(1, 100), block(2, 50)), name="x")
    assert encoded.units.sizes.tolist() == [8 + 15 + 2, 10, 10]
    assert (encoded.samples, encoded.units.samples_per_unit) == (250, 100)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"fLaC", "the metadata has no end"),
        (b"fLaC\x81\0\0\0", "no STREAMINFO"),
        (b"fLaC\x81\0\0\x09123", "byte 8: a metadata block of 9 bytes, 3 are left"),
        (flac(), "frame 0 at byte 42: no frame header"),
        (flac(block(0, 100)[:-1] + b"x"), "frame 0 at byte 42: its checksum is wrong"),
        (flac(block(0, 100), block(1, 100)[:-1]), "frame 1 at byte 52: its checksum"),
        (flac(block(0, 100), block(2, 100)), "frame 0 at byte 42: the one behind it is number 2"),
        (
            flac(block(0, 100), block(9, 100), block(1, 100)),
            "frame 0 at byte 42: the one behind it is number 9",
        ),
        (flac(block(0, 100), block(1, 90), block(2, 100)), "frame 1: a block of 90 samples"),
        (flac(block(0, 100), block(1, 110)), "the last block has 110 samples"),
        (flac(block(0, 100), block(1, 100), samples=201), "promises 201 samples, the frames hold 200"),
        (flac(block(0, 100), bytes(1 << 20)), "no end of it within 524288 bytes"),
        (flac(block(0, 100), *[block(1, 100)[:8]] * 260), "too many places where it could end"),
        # Each would be a sum over all that is before it: hours, were they taken one by one
        (flac(block(0, 100), bytes(1 << 18), *[block(1, 100)[:8]] * 30_000), "too many places"),
        (flac(block(0, 100), bytes(1 << 18), *[block(7, 100)[:8]] * 30_000), "too many places"),
    ],
)
def test_flac_that_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(data, name="x")


def test_a_file_that_was_cut_keeps_no_old_length(made: Made) -> None:
    """In a container the frames are what is there; STREAMINFO is mended, and its checksum of the sound dropped."""
    stream = ogg.parse(made("-c:a flac", "ogg"))
    frames = next(place for place, packet in enumerate(stream.packets) if packet[0] == 0xFF)
    encoded = read(pages([*stream.packets[:frames], *stream.packets[frames + 5 : frames + 15]], 0), name="x")
    info = read_config(encoded.config)
    assert encoded.samples == info.samples == 10 * 4096
    assert info.md5 == bytes(16)


def pages(packets: list[bytes], *granules: int, closed: bool = True) -> bytes:
    """Each packet on a page of its own; `granules` are those of the last ones."""
    made = []
    told = [0] * (len(packets) - len(granules)) + list(granules)
    for number, (packet, granule) in enumerate(zip(packets, told, strict=True)):
        lacing = b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
        flags = 2 * (number == 0) + 4 * (closed and number == len(packets) - 1)
        head = b"OggS\0" + bytes((flags,)) + granule.to_bytes(8, "little", signed=True) + b"SERI"
        head += number.to_bytes(4, "little")
        tail = bytes((len(lacing),)) + lacing + packet
        made.append(head + CRC32(head + bytes(4) + tail).to_bytes(4, "little") + tail)
    return b"".join(made)


HEAD = bytes.fromhex("4f70757348656164 01 02 3801 80bb0000 0000 00")
TAGS = b"OpusTags" + bytes(8)
TWENTY, TEN, FORTY = b"\xf8", b"\xf0", b"\xf9"  # ms


@pytest.mark.parametrize(
    ("packets", "granules", "expected"),
    [
        ([TWENTY] * 3, (960, 1920, 2880), 2880 - 312),
        ([TWENTY] * 3, (960, 1920, 2000), 2000 - 312),
        ([TWENTY] * 3, (48960, 49920, 50000), 2000 - 312),  # cut out of a longer stream
        ([TWENTY], (700,), 700 - 312),  # one page, and its end cut off
        ([TWENTY, TWENTY, TEN], (960, 1920, 2400), 2400 - 312),
    ],
)
def test_granule_positions_tell_the_end(
    packets: list[bytes], granules: tuple[int, ...], expected: int
) -> None:
    encoded = read(pages([HEAD, TAGS, *packets], *granules), name="x")
    assert (encoded.priming, encoded.samples, encoded.units.samples_per_unit) == (312, expected, 960)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pages([HEAD, TAGS], 0), "no packets"),
        (pages([HEAD], 0), "no packets"),
        (pages([HEAD, TAGS, TWENTY], 300), "-12 samples behind 312"),
        (pages([HEAD, TAGS, TWENTY, TWENTY], 960, 1921), "granule position 1921, the packets hold 1920"),
        (pages([HEAD, TAGS, TWENTY, TWENTY], 959, 1900), "first granule position is 959"),
        (pages([HEAD, TAGS, TWENTY], 700, closed=False), "first granule position is 700"),
        (pages([HEAD, TAGS, TWENTY, TEN, TWENTY], 960, 1440, 2400), "packet 2: 960 samples"),
        (pages([HEAD, TAGS, TWENTY, FORTY], 960, 2880), "packet 1: 1920 samples, the first has 960"),
        (pages([HEAD, TAGS, b"", TWENTY], 0, 960), "without a byte"),
        (pages([b"\x01vorbis" + bytes(20)], 0), "Vorbis: no standard"),
        (pages([b"Speex   " + bytes(20)], 0), "neither Opus nor FLAC"),
        (pages([b"\x7fFLAC\x01\0"], 0), "STREAMINFO: 0 bytes"),
    ],
)
def test_ogg_that_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read(data, name="x")


def test_a_tag_in_front_is_no_sound(made: Made) -> None:
    tag = b"ID3\4\0\0\0\0\1\2" + bytes(130)
    for kind in ("aac", "flac"):
        data = made("", kind)
        assert read(tag + data, name="x").units.data == read(data, name="x").units.data


def test_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"nowhere\.m4a: No such file"):
        read_file(tmp_path / "nowhere.m4a", name="x")
    (tmp_path / "text.m4a").write_text("RIFF and no more")
    with pytest.raises(FormatError, match=r"text\.m4a: neither MP4, ADTS, FLAC nor Ogg"):
        read_file(tmp_path / "text.m4a", name="x")


KINDS = [
    ("-c:a aac", "m4a"),
    ("-c:a aac -movflags empty_moov+default_base_moof -frag_duration 500000", "mp4"),
    ("-c:a libopus", "mp4"),
    ("-c:a flac", "mp4"),
    ("-c:a libopus", "opus"),
    ("-c:a flac -ar 8000", "flac"),
    ("-c:a aac", "aac"),
]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_mutated_files_raise_nothing_but_format_errors(data: st.DataObject, made: Made) -> None:
    broken = bytearray(made(*data.draw(st.sampled_from(KINDS))))
    if data.draw(st.booleans()):
        del broken[data.draw(st.integers(0, len(broken))) :]
    # Where the tables are: at the front, and in a plain MP4 at the end.
    ends = st.integers(0, 1200) | st.integers(0, 2500).map(lambda place: -place - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(ends)
        broken[place : place + 4] = data.draw(st.binary(min_size=1, max_size=8))
    with suppress(FormatError):
        encoded = read(bytes(broken), name="x")
        held = len(encoded.units) * encoded.units.samples_per_unit
        assert 0 < encoded.samples <= held - encoded.priming
        assert len(encoded.units.data) <= len(broken)
