"""ADTS as FFmpeg writes it, and ADTS as nobody should."""

from __future__ import annotations

import io

import av
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.adts import parse
from media.errors import FormatError

RATE = 44100


@pytest.fixture(scope="module")
def stream() -> bytes:
    """A fifth of a second of a stereo tone in ADTS."""
    tone = (numpy.sin(numpy.arange(RATE // 5) * 0.05) * 0.5).astype(numpy.float32)
    memory = io.BytesIO()
    with av.open(memory, "w", format="adts") as container:
        track = container.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(numpy.stack([tone, tone]), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        container.mux(track.encode(frame))
        container.mux(track.encode())
    return memory.getvalue()


def header(length: int, **fields: int) -> bytes:
    """An ADTS header, field by field in the order of ISO/IEC 14496-3 table 1.A.6 and 1.A.7."""
    layout = (
        ("sync", 12, 0xFFF),
        ("version", 1, 0),
        ("layer", 2, 0),
        ("protection_absent", 1, 1),
        ("profile", 2, 1),
        ("rate", 4, 4),
        ("private", 1, 0),
        ("channels", 3, 2),
        ("copy_bits", 4, 0),
        ("length", 13, length),
        ("fullness", 11, 0x7FF),
        ("blocks", 2, 0),
    )
    bits = 0
    for name, width, value in layout:
        bits = bits << width | fields.get(name, value)
    return bits.to_bytes(7, "big")


def test_units_are_what_the_demuxer_finds(stream: bytes) -> None:
    adts = parse(stream)
    with av.open(io.BytesIO(stream), format="aac") as container:
        # The demuxer keeps each header in front of its unit.
        packets = [bytes(packet)[7:] for packet in container.demux(audio=0) if packet.size]
    assert len(packets) == len(adts.units) >= RATE // 5 // 1024 + 1
    assert [bytes(adts.units.payload(i, i + 1)) for i in range(len(adts.units))] == packets
    assert adts.units.samples_per_unit == 1024


def test_what_the_header_says(stream: bytes) -> None:
    adts = parse(stream)
    assert (adts.codec, adts.sample_rate, adts.channels, adts.config.hex()) == ("mp4a.40.2", RATE, 2, "1210")


def test_a_checksum_is_not_audio() -> None:
    data = header(9 + 3, protection_absent=0) + b"\xcc\xcc" + b"abc" + header(7 + 2) + b"de"
    assert bytes(parse(data).units.data) == b"abcde"


GOOD = header(8) + b"x"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no frames"),
        (b"\xff\xf1\x50", "frame 0 at byte 0: 3 bytes are no header"),
        (b"RIFF....WAVE", "frame 0 at byte 0: no sync word"),
        (GOOD + b"ID3\x04....", "frame 1 at byte 8: no sync word"),
        (GOOD + header(100) + b"y", "frame 1 at byte 8: 100 bytes promised, 8 left"),
        (GOOD + header(7), "length of 7 bytes"),
        (GOOD + header(0), "length of 0 bytes"),
        (header(9, protection_absent=0) + b"\0\0", "length of 9 bytes"),
        (GOOD + header(8, rate=3) + b"y", "frame 1 at byte 8: .* change within the stream"),
        (GOOD + header(8, channels=1) + b"y", "change within the stream"),
        (header(8, blocks=1) + b"x", "more than one raw data block"),
        (header(8, rate=13) + b"x", "index 13 is reserved"),
        (header(8, channels=0) + b"x", "program_config_element"),
        (header(8, layer=1) + b"x", "layer 1"),
    ],
)
def test_what_is_refused_and_where(data: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        parse(data)


@given(st.binary(max_size=64), st.booleans())
def test_any_bytes_parse_or_are_refused(data: bytes, behind_a_frame: bool) -> None:
    try:
        adts = parse(GOOD + data if behind_a_frame else data)
    except FormatError:
        return
    assert len(adts.units) >= 1
