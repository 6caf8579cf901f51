"""Every kind of input, packaged: ffmpeg decodes the same samples from it as from the file that went in, from the first on."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import av
import numpy
import pytest

from media.boxes import MoovBox, SgpdBox, StblBox, parse
from media.boxes.container import find_all
from packager.inputs import read

Made = Callable[[str, str], bytes]
SAMPLES = 3 * 48000 + 777
OPUS, FLAC, AAC = "-c:a libopus -b:a 96k", "-c:a flac", "-c:a aac -b:a 96k"
FRAGMENTS = "-movflags empty_moov+default_base_moof -frag_duration 500000"

# arguments, suffix, codec, samples a unit, priming, length beyond the song's (where the format cannot tell it)
FILES = [
    (OPUS, "opus", "opus", 960, 312, 0),
    (f"{OPUS} -frame_duration 60", "opus", "opus", 2880, 312, 0),
    (f"{OPUS} -frame_duration 2.5 -application lowdelay", "opus", "opus", 120, 120, 0),
    (OPUS, "mp4", "opus", 960, 312, 0),
    (f"{OPUS} {FRAGMENTS}", "mp4", "opus", 960, 312, 0),
    (f"{OPUS} -ac 1", "opus", "opus", 960, 312, 0),
    (FLAC, "flac", "fLaC", 4096, 0, 0),
    (f"{FLAC} -frame_size 1000 -sample_fmt s32", "flac", "fLaC", 1000, 0, 0),
    (FLAC, "ogg", "fLaC", 4096, 0, 0),
    (FLAC, "mp4", "fLaC", 4096, 0, 0),
    (f"{FLAC} {FRAGMENTS}", "mp4", "fLaC", 4096, 0, 0),
    (AAC, "m4a", "mp4a.40.2", 1024, 1024, 0),
    (f"{AAC} -ac 1 -ar 44100", "m4a", "mp4a.40.2", 1024, 1024, None),
    (f"{AAC} -movflags +faststart", "m4a", "mp4a.40.2", 1024, 1024, 0),
    (f"{AAC} -movflags +delay_moov+cmaf -frag_duration 500000", "mp4", "mp4a.40.2", 1024, 1024, 0),
    (f"{AAC} -movflags frag_keyframe -frag_duration 500000", "mp4", "mp4a.40.2", 1024, 0, 1024),
    (f"{AAC} {FRAGMENTS}", "mp4", "mp4a.40.2", 1024, 0, 1024),
    (AAC, "aac", "mp4a.40.2", 1024, 0, 1655),
]


@pytest.mark.parametrize(("arguments", "suffix", "codec", "unit", "priming", "beyond"), FILES)
def test_packaging_changes_no_sample(
    made: Made,
    decoded: Callable[..., Any],
    packaged: Callable[..., bytes],
    arguments: str,
    suffix: str,
    codec: str,
    unit: int,
    priming: int,
    beyond: int | None,
) -> None:
    data = made(arguments, suffix)
    encoded = read(data, name="normal")
    assert (encoded.codec, encoded.units.samples_per_unit) == (codec, unit)
    assert encoded.priming == priming
    if beyond is not None:
        assert encoded.samples == SAMPLES + beyond
    before = decoded(data, encoded.channels)
    after = decoded(packaged(encoded), encoded.channels)
    # ffmpeg trims no tail of a fragmented file: what it gives too much is less than a unit.
    assert encoded.samples <= len(before) < encoded.samples + unit
    assert encoded.samples <= len(after) < encoded.samples + unit
    assert numpy.array_equal(before[: encoded.samples], after[: encoded.samples])


@pytest.mark.parametrize(("arguments", "suffix"), [(OPUS, "opus"), (FLAC, "flac"), (AAC, "m4a")])
def test_pyav_hears_no_lag_and_encryption_changes_nothing(
    made: Made,
    decoded: Callable[..., Any],
    packaged: Callable[..., bytes],
    key: bytes,
    arguments: str,
    suffix: str,
) -> None:
    encoded = read(made(arguments, suffix), name="normal")
    clear = packaged(encoded)
    protected = packaged(encoded, scheme="cbcs", kid=UUID(int=7), constant_iv=bytes(16), key=key)
    assert b"enca" in protected
    assert encoded.units.data[:64] not in protected
    assert numpy.array_equal(decoded(protected, key=key), decoded(clear))
    with av.open(io.BytesIO(clear)) as container:
        frames = list(container.decode(audio=0))
    # Opus and AAC begin at the programme, on the presentation timeline.
    assert frames[0].pts == 0
    assert (
        encoded.samples
        <= sum(frame.samples for frame in frames)
        < encoded.samples + encoded.units.samples_per_unit
    )


@pytest.mark.parametrize(
    ("arguments", "suffix", "roll"),
    [
        (OPUS, "opus", [b"\xff\xfc"]),  # 80 ms are four packets
        (f"{OPUS} -frame_duration 60", "opus", [b"\xff\xfe"]),
        (FLAC, "flac", []),
        (AAC, "m4a", [b"\xff\xff"]),
    ],
)
def test_how_far_a_decoder_has_to_roll(
    made: Made, packaged: Callable[..., bytes], arguments: str, suffix: str, roll: list[bytes]
) -> None:
    data = packaged(read(made(arguments, suffix), name="normal"))
    (moov,) = find_all(parse(data), MoovBox)
    assert data.count(b"sbgp") == (data.count(b"moof") if roll else 0)

    def tables(box: Any) -> list[Any]:
        return (
            [box]
            if isinstance(box, StblBox)
            else [t for c in getattr(box, "children", ()) for t in tables(c)]
        )

    (stbl,) = tables(moov)
    assert [entry for box in stbl.all(SgpdBox) for entry in box.entries] == roll
