"""FLAC's description and frame headers."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.crc import CRC8
from media.errors import FormatError
from media.flac import FrameHeader, StreamInfo, read_config, read_frame_header

INFO = StreamInfo(4096, 4096, 14, 9000, 44100, 2, 16, 1_000_000_000_000 & (1 << 36) - 1, bytes(range(16)))
# RFC 9639 appendix D.1: the example file's STREAMINFO and its only frame's header
EXAMPLE = "1000 1000 00000f 00000f 0ac442f000000001 3e84b41807dc690307583d1bb0ac2ac4"
EXAMPLE_HEADER = "fff869180000bf"


def test_the_example_of_the_standard() -> None:
    info = StreamInfo.from_bytes(bytes.fromhex(EXAMPLE))
    assert (info.sample_rate, info.channels, info.bits, info.samples) == (44100, 2, 16, 1)
    assert (info.smallest_block, info.largest_block, info.largest_frame) == (4096, 4096, 15)
    assert info.to_bytes() == bytes.fromhex(EXAMPLE)
    assert read_frame_header(bytes.fromhex(EXAMPLE_HEADER), 2) == FrameHeader(False, 1, 0)


def test_what_a_container_is_told() -> None:
    assert read_config(INFO.config()) == INFO
    assert INFO.config()[:4] == bytes.fromhex("80000022")


@pytest.mark.parametrize(
    ("fixed", "expected"),
    [
        ("fff9 c9 18 00", FrameHeader(True, 4096, 0)),
        ("fff8 c9 18 7f", FrameHeader(False, 4096, 127)),
        ("fff8 c9 18 c280", FrameHeader(False, 4096, 128)),
        ("fff8 c9 a8 e0a080", FrameHeader(False, 4096, 2048)),
        ("fff9 19 88 feb8808080808080"[:-2], FrameHeader(True, 192, 0xE00000000)),
        ("fff8 79 18 00 ffff", FrameHeader(False, 65536, 0)),
        ("fff8 6c 18 00 0f 2c", FrameHeader(False, 16, 0)),
        ("fff8 5d 18 00 ac44", FrameHeader(False, 4608, 0)),
    ],
)
def test_headers_field_by_field(fixed: str, expected: FrameHeader) -> None:
    head = bytes.fromhex(fixed)
    head += bytes((CRC8(head),))
    assert read_frame_header(head + b"sound" * 4, 2) == expected
    assert read_frame_header(head[:-1] + bytes((head[-1] ^ 1,)) + b"sound" * 4, 2) is None
    assert read_frame_header(head + b"sound" * 4, 1) is None


@pytest.mark.parametrize(
    "fixed", ["fffa c9 18 00", "fff8 09 18 00", "fff8 cf 18 00", "fff8 c9 19 00", "fff8 c9 18 ff", "fff8 c9 18 80", "fff8 c9 18 c241", "fff8 c9 b8 00"]
)  # fmt: skip
def test_what_is_no_header(fixed: str) -> None:
    head = bytes.fromhex(fixed)
    assert read_frame_header(head + bytes((CRC8(head),)) + b"sound" * 4, 2) is None


def test_which_frame_comes_next() -> None:
    assert FrameHeader(False, 4096, 7).next_place == FrameHeader(False, 100, 8).place
    assert FrameHeader(True, 4096, 8192).next_place == FrameHeader(True, 100, 12288).place


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (INFO.config()[4:-1], "33 bytes"),
        (StreamInfo(16, 16, 0, 0, 0, 2, 16, 0, bytes(16)).to_bytes(), "0 Hz"),
        (StreamInfo(4096, 16, 0, 0, 8000, 2, 16, 0, bytes(16)).to_bytes(), "blocks of 4096 to 16"),
    ],
)
def test_descriptions_that_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        StreamInfo.from_bytes(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for text in (data, b"\x80\0\0\x22" + data):
        with suppress(FormatError):
            read_config(text)
    read_frame_header(b"\xff\xf8" + data, 2)
