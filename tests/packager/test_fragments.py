"""Headers and fragments: what other people's decoders make of them, and that they can be read back."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import given, settings

from drm import cbcs, cenc
from drm.pssh import common_pssh
from media.access_units import AccessUnits, Encoded
from media.boxes import (
    EdtsBox,
    ElstBox,
    FtypBox,
    MehdBox,
    MfhdBox,
    MoofBox,
    MoovBox,
    MvexBox,
    MvhdBox,
    PsshBox,
    SaioBox,
    SbgpBox,
    SencBox,
    StypBox,
    TfhdBox,
    TkhdBox,
    TrafBox,
    TrakBox,
    TrunBox,
    parse,
)
from media.errors import BoxError, KeyMissing
from packager.fragments import Init, read_init, read_segment, write_segment
from packager.plan import common_grid, plan_segments, units_needed
from packager.track import bitrates, write_init

KID = UUID("0a1b2c3d-0000-4000-8000-00000000cafe")
IV = bytes(range(16))
SCHEMES = ("none", "cenc", "cbcs")


def pack(encoded: Encoded, scheme: str, key: bytes) -> tuple[Init, bytes, list[bytes]]:
    """A rendition cut in three and encrypted, step by step as the packager does it."""
    grid = common_grid([(encoded.priming, 1024)])
    plan = plan_segments(encoded.samples, grid=grid, first=44_100, target=6 * 44_100)
    count = units_needed(encoded.samples, priming=encoded.priming, samples_per_unit=1024)
    edges = [0, *((piece.end + encoded.priming) // 1024 for piece in plan[:-1]), count]
    sizes, offsets = encoded.units.sizes[:count], encoded.units.offsets
    data, ivs = encoded.units.payload(0, count), b""
    if scheme == "cbcs":
        data = memoryview(cbcs.encrypt(data, sizes, key=key, iv=IV))
    elif scheme == "cenc":
        cipher, ivs = cenc.encrypt(data, sizes, key=key, first_iv=7 << 48)
        data = memoryview(cipher)
    init = Init(
        codec=encoded.codec,
        config=encoded.config,
        sample_rate=encoded.sample_rate,
        channels=encoded.channels,
        timescale=encoded.sample_rate,
        media_time=encoded.priming,
        samples=encoded.samples,
        samples_per_unit=1024,
        scheme=scheme,
        kid=None if scheme == "none" else KID,
        constant_iv=IV if scheme == "cbcs" else b"",
        max_bitrate=bitrates(encoded.units, encoded.sample_rate)[0],
        avg_bitrate=bitrates(encoded.units, encoded.sample_rate)[1],
    )
    segments = [
        write_segment(
            number,
            data[offsets[start] : offsets[stop]],
            sizes[start:stop],
            base_media_decode_time=start * 1024,
            samples_per_unit=1024,
            ivs=ivs[8 * start : 8 * stop],
        )
        for number, (start, stop) in enumerate(pairwise(edges), start=1)
    ]
    pssh = () if scheme == "none" else (common_pssh([KID]),)
    return init, write_init(init, pssh), segments


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_written_is_read_back(encoded: tuple[Encoded, ...], scheme: str, key: bytes) -> None:
    init, header, segments = pack(encoded[1], scheme, key)
    assert read_init(header) == init
    time = 0
    for number, segment in enumerate(segments, start=1):
        read = read_segment(segment, init, key)
        assert (read.base_media_decode_time, read.sequence_number) == (time, number)
        first, last = time // 1024, time // 1024 + len(read.units)
        assert read.units.data == bytes(encoded[1].units.payload(first, last))
        time += 1024 * len(read.units)
    assert time >= encoded[1].samples + encoded[1].priming > time - 1024


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["low", "very_high"])
def test_ffmpeg_and_pyav_decode_it_in_step_with_the_master(
    encoded: tuple[Encoded, ...],
    song_pcm: Any,
    scheme: str,
    name: str,
    key: bytes,
    ffmpeg: str,
    tmp_path: Path,
    lag: Callable[[Any, Any], int],
) -> None:
    (source,) = [item for item in encoded if item.name == name]
    _, header, segments = pack(source, scheme, key)
    path = tmp_path / "song.mp4"
    path.write_bytes(header + b"".join(segments))
    mono = song_pcm.astype(float).mean(axis=1)
    # Neither trims the tail of a fragmented file by its edit list: the last unit comes out whole.
    whole = -(-(source.samples + source.priming) // 1024) * 1024 - source.priming

    options = [] if scheme == "none" else ["-decryption_key", key.hex()]
    command = [ffmpeg, "-v", "error", "-xerror", *options, "-i", str(path), "-ac", "1", "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    assert done.stderr == b""
    decoded = numpy.frombuffer(done.stdout, dtype="<f4")
    assert len(decoded) == whole
    assert lag(mono, decoded[: source.samples]) == 0

    with av.open(str(path), options={} if scheme == "none" else {"decryption_key": key.hex()}) as container:
        frames = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
        assert container.streams.audio[0].time_base.denominator == 44100
    again = numpy.concatenate(frames)
    assert len(again) == whole
    assert lag(mono, again[: source.samples]) == 0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_header_is_a_cmaf_header(encoded: tuple[Encoded, ...], scheme: str, key: bytes) -> None:
    source = encoded[1]
    _, header, _ = pack(source, scheme, key)
    ftyp, moov = parse(header)
    assert isinstance(ftyp, FtypBox)
    assert isinstance(moov, MoovBox)
    assert set(ftyp.compatible_brands) == {b"iso6", b"cmfc", b"cmf2", b"caac"}
    # Nothing of the clock, and the length where a fragmented file tells it.
    mvhd, trak = moov.get(MvhdBox), moov.get(TrakBox)
    assert (mvhd.creation_time, mvhd.modification_time, mvhd.duration) == (0, 0, 0)
    assert trak.get(TkhdBox).duration == 0
    assert moov.get(MvexBox).get(MehdBox).fragment_duration == source.samples
    (edit,) = trak.get(EdtsBox).get(ElstBox).entries
    assert edit == (source.samples, source.priming, 1, 0)
    assert mvhd.timescale == source.sample_rate
    pssh = [box for box in moov.children if isinstance(box, PsshBox)]
    assert [box.kids for box in pssh] == ([] if scheme == "none" else [(KID.bytes,)])


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_segment_is_one_fragment_that_stands_alone(
    encoded: tuple[Encoded, ...], scheme: str, key: bytes
) -> None:
    _, _, segments = pack(encoded[0], scheme, key)
    for segment in segments:
        styp, moof, mdat = parse(segment)
        assert isinstance(styp, StypBox)
        assert {b"cmfs", b"msdh"} <= set(styp.compatible_brands)
        assert isinstance(moof, MoofBox)
        traf = moof.get(TrafBox)
        assert [type(box) for box in moof.children] == [MfhdBox, TrafBox]
        tfhd, run = traf.get(TfhdBox), traf.get(TrunBox)
        assert tfhd.flags == TfhdBox.DEFAULT_BASE_IS_MOOF
        assert tfhd.sample_duration == 1024  # every sample, the last one too
        assert run.durations is None
        assert run.data_offset == len(moof.to_bytes()) + 8
        assert run.sizes is not None
        assert int(run.sizes.sum()) == len(mdat.to_bytes()) - 8
        assert traf.get(SbgpBox).entries.tolist() == [[run.sample_count, 1]]
        senc = traf.find(SencBox)
        assert (senc is not None) == (scheme == "cenc")
        if senc is not None:
            (place,) = traf.get(SaioBox).offsets.tolist()
            assert moof.to_bytes()[place : place + len(senc.data)] == senc.data


def test_the_bit_rates_in_the_header_are_those_of_the_units(encoded: tuple[Encoded, ...]) -> None:
    units = AccessUnits(bytes(100 * 200 + 43 * 300), numpy.array([200] * 100 + [300] * 43), 1024)
    assert bitrates(units, 44032) == (((43 * 300) * 8), round((20000 + 12900) / 143 * 43 * 8))
    for source in encoded[1:]:
        largest, mean = bitrates(source.units, source.sample_rate)
        assert mean <= largest < 2 * source.bitrate
        assert 0.5 * source.bitrate < mean < 1.1 * source.bitrate


@pytest.mark.parametrize("scheme", ["cenc", "cbcs"])
def test_no_key_is_its_own_error(encoded: tuple[Encoded, ...], scheme: str, key: bytes) -> None:
    init, _, segments = pack(encoded[0], scheme, key)
    with pytest.raises(KeyMissing, match=str(KID)):
        read_segment(segments[0], init)


@settings(max_examples=500, deadline=None)
@given(data=st.data())
def test_mutated_segments_raise_nothing_but_box_errors(
    data: st.DataObject, encoded: tuple[Encoded, ...], key: bytes
) -> None:
    init, header, segments = pack(encoded[0], data.draw(st.sampled_from(SCHEMES)), key)
    segment, broken = bytearray(segments[0]), bytearray(header)
    for target in (segment, broken):
        for _ in range(data.draw(st.integers(1, 4))):
            place = data.draw(st.integers(0, 600))
            target[place : place + 4] = data.draw(st.binary(min_size=1, max_size=8))
    with suppress(BoxError):
        read_segment(bytes(segment), init, key)
    with suppress(BoxError):
        read_segment(bytes(segment), read_init(bytes(broken)), key)


def test_a_segment_behind_other_boxes_is_found(encoded: tuple[Encoded, ...], key: bytes) -> None:
    init, _, segments = pack(encoded[0], "cenc", key)
    long_free = b"\0\0\0\1free" + (20).to_bytes(8, "big") + b"...."
    moved = read_segment(long_free + segments[0], init, key)
    assert moved.units.data == read_segment(segments[0], init, key).units.data
    with pytest.raises(BoxError, match="one moof box expected, 2 found"):
        read_segment(segments[0] + segments[1], init, key)


def test_the_same_rendition_gives_the_same_bytes(encoded: tuple[Encoded, ...], key: bytes) -> None:
    first, second = (pack(encoded[2], "cbcs", key) for _ in range(2))
    assert first == second
    renamed = pack(replace(encoded[2], name="other"), "cbcs", key)
    assert renamed == first
