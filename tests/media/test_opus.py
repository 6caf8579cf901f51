"""Opus headers and packet lengths."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.boxes import DopsBox
from media.errors import FormatError
from media.opus import packet_samples, read_config, read_head

HEAD = bytes.fromhex("4f70757348656164 01 02 3801 80bb0000 0000 00")
SURROUND = bytes.fromhex("4f70757348656164 01 06 3801 80bb0000 00ff 01 04 02 000401020305")


def test_the_header_of_ogg_is_the_header_of_mp4_in_another_byte_order() -> None:
    assert read_head(HEAD) == DopsBox(2, 312, 48000)
    surround = read_head(SURROUND)
    assert surround == DopsBox(6, 312, 48000, -256, 1, bytes.fromhex("0402000401020305"))
    for box in (read_head(HEAD), surround):
        assert read_config(box.body()) == box


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no Opus header"),
        (HEAD[:18], "no Opus header"),
        (HEAD[:8] + b"\x10" + HEAD[9:], "no Opus header of version 1"),
        (HEAD[:9] + b"\x03" + HEAD[10:], "3 channels with mapping family 0"),
        (HEAD[:9] + b"\x00" + HEAD[10:], "0 channels"),
        (HEAD[:18] + b"\xff", "family 255"),
        (SURROUND[:-1], "cut off"),
    ],
)
def test_headers_that_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_head(data)


@pytest.mark.parametrize(
    ("packet", "samples"),
    [  # RFC 6716 table 2 and §3.2
        ("00", 480),
        ("18", 2880),
        ("60", 480),
        ("68", 960),
        ("80", 120),
        ("fc", 960),
        ("fd", 1920),
        ("fe", 1920),
        ("ff03", 2880),
        ("1b02", 5760),
    ],
)
def test_how_long_a_packet_lasts(packet: str, samples: int) -> None:
    assert packet_samples(bytes.fromhex(packet)) == samples


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        ("", "without a byte"),
        ("ff", "before its count"),
        ("ff00", "of 0 samples"),
        ("1b03", "of 8640 samples"),
    ],
)
def test_packets_that_are_refused(packet: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        packet_samples(bytes.fromhex(packet))


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (read_config, read_head, packet_samples):
        with suppress(FormatError):
            read(data)
