"""AudioSpecificConfig, checked against the one that FFmpeg's encoder writes and against the standard's bit layout."""

from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.codecs import AAC_LC, CHANNELS, SAMPLE_RATES, AudioSpecificConfig
from media.errors import FormatError


@pytest.mark.parametrize(
    ("rate", "channels", "expected"),
    [(44100, 2, "1210"), (48000, 2, "1190"), (44100, 1, "1208"), (8000, 8, "15b8")],
)
def test_known_configurations(rate: int, channels: int, expected: str) -> None:
    assert AudioSpecificConfig(AAC_LC, rate, channels).to_bytes().hex() == expected


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_agrees_with_the_encoder(rate: int, layout: str) -> None:
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = rate, layout, "fltp"
    encoder.open()
    config = AudioSpecificConfig.from_bytes(encoder.extradata)
    assert config == AudioSpecificConfig(AAC_LC, rate, 1 if layout == "mono" else 2)
    assert encoder.extradata.startswith(config.to_bytes())


@given(
    object_type=st.integers(1, 4),
    rate=st.sampled_from(SAMPLE_RATES) | st.integers(1, (1 << 24) - 1),
    channels=st.sampled_from(list(CHANNELS.values())),
    behind=st.binary(max_size=5),
)
def test_round_trip(object_type: int, rate: int, channels: int, behind: bytes) -> None:
    config = AudioSpecificConfig(object_type, rate, channels)
    assert AudioSpecificConfig.from_bytes(config.to_bytes() + behind) == config


@given(st.binary(max_size=8))
def test_any_bytes_parse_or_are_refused(data: bytes) -> None:
    try:
        config = AudioSpecificConfig.from_bytes(data)
    except FormatError:
        return
    # A rate of table 1.18 may also be spelled out in 24 bits; what we write for it is the short form.
    assert AudioSpecificConfig.from_bytes(config.to_bytes()) == config


def test_codec_string() -> None:
    assert AudioSpecificConfig(AAC_LC, 44100, 2).codec == "mp4a.40.2"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "ends in the middle"),
        ("12", "ends in the middle"),
        ("1690", "index 13 is reserved"),
        ("1200", "channel configuration 0"),
        ("1214", "frames of 1024 samples"),
        ("2b92", "object type 5"),
        ("0010", "object type 0"),
    ],
)
def test_what_is_refused(data: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        AudioSpecificConfig.from_bytes(bytes.fromhex(data))


def test_what_cannot_be_written() -> None:
    with pytest.raises(FormatError, match="7 channels"):
        AudioSpecificConfig(AAC_LC, 44100, 7)
    with pytest.raises(FormatError, match="0 Hz"):
        AudioSpecificConfig(AAC_LC, 0, 2)
