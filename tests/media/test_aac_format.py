"""AudioSpecificConfig with SBR, PS and USAC: our reading against hand-made bits, and against libavcodec's."""

from __future__ import annotations

from contextlib import suppress

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.aac_format import AacFormat, SignalledSbr, backward_compatible, read_aac_format
from media.errors import FormatError


def bits(*fields: tuple[int, int]) -> bytes:
    """Value and width of each field, filled up with zeros to a byte."""
    value = width = 0
    for number, size in fields:
        value, width = value << size | number, width + size
    return (value << -width % 8).to_bytes((width + 7) // 8, "big")


STEREO, MONO = (2, 4), (1, 4)
I44, I22, I24 = (4, 4), (7, 4), (6, 4)  # sampling frequency indices
LC, SBR, PS, ESCAPE = (2, 5), (5, 5), (29, 5), (31, 5)
PLAIN = (0, 3)
SYNC, SYNC_PS, YES, NO = (0x2B7, 11), (0x548, 11), (1, 1), (0, 1)

NONE, UNTOLD = SignalledSbr.NONE, SignalledSbr.UNTOLD
BACKWARD, HIERARCHICAL = SignalledSbr.BACKWARD, SignalledSbr.HIERARCHICAL
SHAPES = [
    (bits(LC, I44, STEREO, PLAIN), ("mp4a.40.2", 44100, 2, 1024, NONE)),
    (bits(LC, I22, STEREO, PLAIN), ("mp4a.40.2", 22050, 2, 1024, UNTOLD)),
    (bits(LC, I44, STEREO, (4, 3)), ("mp4a.40.2", 44100, 2, 960, NONE)),
    (bits(LC, (15, 4), (37800, 24), MONO, PLAIN), ("mp4a.40.2", 37800, 1, 1024, NONE)),
    (bits(LC, I22, STEREO, PLAIN, SYNC, SBR, YES, I44), ("mp4a.40.5", 44100, 2, 2048, BACKWARD)),
    (bits(LC, I22, STEREO, PLAIN, SYNC, SBR, NO), ("mp4a.40.2", 22050, 2, 1024, NONE)),
    (bits(LC, I44, STEREO, PLAIN, SYNC, SBR, YES, I44), ("mp4a.40.5", 44100, 2, 1024, BACKWARD)),
    (bits(LC, I22, MONO, PLAIN, SYNC, SBR, YES, I44, SYNC_PS, YES), ("mp4a.40.29", 44100, 2, 2048, BACKWARD)),
    (bits(LC, I22, MONO, PLAIN, SYNC, SBR, YES, I44, SYNC_PS, NO), ("mp4a.40.5", 44100, 1, 2048, BACKWARD)),
    (bits(SBR, I22, STEREO, I44, LC, PLAIN), ("mp4a.40.5", 44100, 2, 2048, HIERARCHICAL)),
    (bits(PS, I22, MONO, I44, LC, PLAIN), ("mp4a.40.29", 44100, 2, 2048, HIERARCHICAL)),
    (bits(ESCAPE, (10, 6), I44, STEREO, (4, 5), (1, 3), (2, 5)), ("mp4a.40.42", 44100, 2, 1024, NONE)),
    (bits(ESCAPE, (10, 6), I24, (0, 4), (3, 5), (3, 3), (1, 5)), ("mp4a.40.42", 48000, 1, 2048, NONE)),
    (bits(ESCAPE, (10, 6), I24, (0, 4), (0x1B, 5), (4, 3), (1, 5)), ("mp4a.40.42", 9600, 1, 4096, NONE)),
]


@pytest.mark.parametrize(("config", "expected"), SHAPES)
def test_what_comes_out_of_the_decoder(
    config: bytes, expected: tuple[str, int, int, int, SignalledSbr]
) -> None:
    assert read_aac_format(config) == AacFormat(*expected)


@pytest.mark.parametrize("rate", [22050, 24000, 16000, 21000])
@pytest.mark.parametrize("parametric", [False, True])
def test_what_was_implicit_is_told(rate: int, parametric: bool) -> None:
    index = {22050: (7, 4), 24000: (6, 4), 16000: (8, 4)}.get(rate)
    told = (index,) if index else ((15, 4), (rate, 24))
    core = bits(LC, *told, MONO if parametric else STEREO, PLAIN)
    explicit = backward_compatible(core, parametric=parametric)
    assert explicit.startswith(core)  # a decoder that knows nothing of SBR plays the core
    found = read_aac_format(explicit)
    assert found == AacFormat("mp4a.40.29" if parametric else "mp4a.40.5", 2 * rate, 2, 2048, BACKWARD)


# One access unit of silence, ISO/IEC 14496-3 §4.4.2: no scale factor bands, no tools, ID_END.
ICS_INFO, NO_TOOLS, END = (0, 11), (0, 3), (7, 3)
SILENCE = {
    1: bits((0, 3), (0, 4), (100, 8), ICS_INFO, NO_TOOLS, END),
    2: bits((1, 3), (0, 4), YES, ICS_INFO, (0, 2), (100, 8), NO_TOOLS, (100, 8), NO_TOOLS, END),
}


# libavcodec decodes no xHE-AAC and no rate outside the table.
DECODED = [config for config, shape in SHAPES if shape[0] != "mp4a.40.42" and shape[1] != 37800]


@pytest.mark.parametrize("config", DECODED)
def test_libavcodec_makes_the_same_of_them(config: bytes) -> None:
    found = read_aac_format(config)
    context = av.CodecContext.create("aac", "r")
    assert isinstance(context, av.AudioCodecContext)
    context.extradata = config
    core = 1 if found.codec == "mp4a.40.29" else found.channels
    (frame,) = context.decode(av.Packet(SILENCE[core]))
    assert (frame.sample_rate, frame.layout.nb_channels) == (found.sample_rate, found.channels)
    assert frame.samples == found.samples_per_unit


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (b"", "ends in the middle"),
        (bits(LC, (13, 4), STEREO, PLAIN), "index 13 is reserved"),
        (bits(LC, I44, (0, 4), PLAIN), "channel configuration 0"),
        (bits((1, 5), I44, STEREO, (2, 3)), "scalable"),
        (bits((23, 5), I44, STEREO, PLAIN), "object type 23"),
        (bits(SBR, I22, STEREO, I44, (17, 5), PLAIN), "object type 17"),
        (bits(SBR, I44, STEREO, I22, LC, PLAIN), "SBR from 44100 to 22050"),
        (bits(PS, I22, STEREO, I44, LC, PLAIN), "parametric stereo over 2"),
        (bits(ESCAPE, (10, 6), I44, STEREO, (13, 5), (1, 3), (2, 5)), "frequency index 13"),
        (bits(ESCAPE, (10, 6), I44, STEREO, (4, 5), (5, 3), (2, 5)), "frame length index 5"),
        (bits(ESCAPE, (10, 6), I44, STEREO, (4, 5), (1, 3), (0, 5)), "UsacConfig: channel configuration 0"),
    ],
)
def test_what_is_refused(config: bytes, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        read_aac_format(config)


@given(st.binary(max_size=12))
def test_any_bytes_are_read_or_refused(config: bytes) -> None:
    with suppress(FormatError):
        found = read_aac_format(config)
        assert 1 <= found.channels <= 8
        assert 0 < found.sample_rate < 1 << 24
        assert found.samples_per_unit > 0
