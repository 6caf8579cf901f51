"""Ogg pages: packets as other people's demuxer finds them, and every way in which a file can be wrong."""

from __future__ import annotations

import io
from contextlib import suppress

import av
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.crc import CRC32
from media.errors import FormatError
from media.ogg import PageEnd, parse

FIRST, LAST, CONTINUED = 2, 4, 1


def page(
    lacing: bytes, body: bytes, *, number: int, granule: int = 0, flags: int = 0, serial: int = 7
) -> bytes:
    """RFC 3533 §6, field by field."""
    head = b"OggS\0" + bytes((flags,)) + granule.to_bytes(8, "little", signed=True)
    head += serial.to_bytes(4, "little") + number.to_bytes(4, "little")
    tail = bytes((len(lacing),)) + lacing + body
    return head + CRC32(head + bytes(4) + tail).to_bytes(4, "little") + tail


GOOD = page(b"\x03", b"abc", number=0, flags=FIRST)


@pytest.fixture(scope="module")
def stream() -> bytes:
    """Two seconds of Opus noise at a bit rate at which packets need more than one piece."""
    noise = numpy.random.default_rng(1).integers(-9000, 9000, (1, 2 * 96000), dtype=numpy.int16)
    memory = io.BytesIO()
    with av.open(memory, "w", format="ogg") as container:
        track = container.add_stream("libopus", rate=48000, layout="stereo")
        track.bit_rate = 256_000
        frame = av.AudioFrame.from_ndarray(noise, format="s16", layout="stereo")
        frame.sample_rate = 48000
        container.mux(track.encode(frame))
        container.mux(track.encode(None))
    return memory.getvalue()


def test_packets_are_what_the_demuxer_finds(stream: bytes) -> None:
    found = parse(stream)
    with av.open(io.BytesIO(stream)) as container:
        packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
    assert found.packets[2:] == packets
    assert max(map(len, packets)) > 255
    assert found.closed
    assert found.ends[-1].packets == len(packets) + 2
    # All but the end of the last packet is programme.
    assert 0 <= 960 * len(packets) - found.ends[-1].granule < 960


def test_a_packet_goes_over_pages_and_may_end_at_a_full_piece() -> None:
    data = (
        page(b"\xff", b"a" * 255, number=0, flags=FIRST, granule=-1)
        + page(b"\xff\x00\x01", b"b" * 255 + b"c", number=1, flags=CONTINUED, granule=5)
        + page(b"\x00", b"", number=2, flags=LAST, granule=6)
    )
    found = parse(data)
    assert found.packets == [b"a" * 255 + b"b" * 255, b"c", b""]
    assert (found.ends, found.closed) == ([PageEnd(2, 5), PageEnd(3, 6)], True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no pages"),
        (GOOD[:20], "page 0 at byte 0: no page header"),
        (GOOD + b"junk" * 9, "page 1 at byte 31: no page header"),
        (GOOD[:-1], "31 bytes promised, 30 left"),
        (GOOD[:-1] + b"x", "page 0 at byte 0: its checksum is wrong"),
        (GOOD + page(b"\x01", b"x", number=2), "page 1 at byte 31: its number is 2"),
        (GOOD + page(b"\x01", b"x", number=0, flags=FIRST, serial=8), "chained and multiplexed"),
        (page(b"\x01", b"x", number=0), "another stream begins"),
        (GOOD + page(b"\x01", b"x", number=1, flags=CONTINUED), "breaks off"),
        (page(b"\xff", b"x" * 255, number=0, flags=FIRST) + page(b"\x01", b"x", number=1), "breaks off"),
        (page(b"\xff", b"x" * 255, number=0, flags=FIRST), "the last packet has no end"),
        (page(b"\x01", b"x", number=0, flags=FIRST, granule=-1), "no granule position"),
    ],
)
def test_what_is_refused_and_where(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        parse(data)


@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_parse_or_are_refused(data: bytes, behind_a_page: bool) -> None:
    with suppress(FormatError):
        assert parse(GOOD + data if behind_a_page else data).packets
