"""SBR told in every way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from media.boxes import EsdsBox
from media.errors import FormatError
from packager.inputs import read
from packager.inputs.aac import aac_codec
from packager.inputs.track import Codec


@pytest.mark.parametrize("channels", [1, 2])
def test_what_nobody_tells_is_heard_and_then_told(
    channels: int, he_aac: Callable[[int], bytes], decoded: Callable[..., Any], packaged: Callable[..., bytes]
) -> None:
    implicit = he_aac(channels)
    encoded = read(implicit, name="low")
    assert (encoded.codec, encoded.sample_rate, encoded.units.samples_per_unit) == ("mp4a.40.5", 48000, 2048)
    assert encoded.config[2:4] == bytes.fromhex(
        "56e5"
    )  # the sync extension of backward-compatible signalling
    # libavcodec makes two channels of one where there might be PS data.
    before, after = decoded(implicit), decoded(packaged(encoded))
    assert len(after) == encoded.samples == len(before)
    assert numpy.array_equal(before, after)


def test_plain_aac_at_a_low_rate_stays_plain(made: Callable[[str, str], bytes]) -> None:
    encoded = read(made("-c:a aac -b:a 48k -ar 24000", "m4a"), name="low")
    assert (encoded.codec, encoded.sample_rate, encoded.units.samples_per_unit) == ("mp4a.40.2", 24000, 1024)


@pytest.mark.parametrize(
    ("config", "codec", "channels"),
    [
        ("1308", "mp4a.40.2", 1),  # implicit: no SBR data is found
        ("130856e598", "mp4a.40.5", 1),
        ("130856e59d4880", "mp4a.40.29", 2),
        ("2b098800", "mp4a.40.5", 1),
        ("eb098800", "mp4a.40.29", 2),
    ],
)
def test_what_an_mp4_tells_is_kept(
    made: Callable[[str, str], bytes],
    changed: Callable[..., bytes],
    decoded: Callable[..., Any],
    packaged: Callable[..., bytes],
    config: str,
    codec: str,
    channels: int,
) -> None:
    """Times are in the core's ticks here, as many writers leave them: they are told in samples of what comes out."""
    plain = made("-c:a aac -b:a 48k -ar 24000 -ac 1", "m4a")
    data = changed(plain, EsdsBox, config=bytes.fromhex(config))
    encoded = read(data, name="low")
    assert (encoded.codec, encoded.channels, encoded.config.hex()) == (codec, channels, config)
    doubled = 1 if codec == "mp4a.40.2" else 2
    assert encoded.sample_rate == 24000 * doubled
    own = read(plain, name="low")
    assert (encoded.priming, encoded.samples) == (1024 * doubled, own.samples * doubled)
    after = decoded(packaged(encoded), doubled)  # with SBR, libavcodec makes two channels of one
    assert encoded.samples <= len(after) < encoded.samples + encoded.units.samples_per_unit


def test_xhe_aac_is_told_and_cut_only_where_units_are_independent() -> None:
    config = bytes.fromhex("f9462321")  # 42 by the escape, one channel, UsacConfig of 48 kHz
    sizes = numpy.array([3, 3])
    assert aac_codec(config, b"\x80ab\xffcd", sizes) == Codec("mp4a.40.42", config, 48000, 1, 1024)
    with pytest.raises(FormatError, match="unit 1 depends on the one before"):
        aac_codec(config, b"\x80ab\x7fcd", sizes)
    with pytest.raises(FormatError, match="access unit 2 is empty"):
        aac_codec(config, b"\x80ab\xffcd", numpy.array([3, 3, 0]))
