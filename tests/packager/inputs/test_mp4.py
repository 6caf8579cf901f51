"""What an MP4 tells of its programme, and what it must not get away with."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import av
import numpy
import pytest

from media.access_units import Encoded
from media.boxes import (
    Co64Box,
    Edit,
    EdtsBox,
    ElstBox,
    EsdsBox,
    HdlrBox,
    MdhdBox,
    MoofBox,
    MoovBox,
    MvhdBox,
    StcoBox,
    StscBox,
    StszBox,
    SttsBox,
    TfdtBox,
    TfhdBox,
    TrafBox,
    TrexBox,
    TrunBox,
    UnknownBox,
    parse,
)
from media.errors import BoxError, FormatError, KeyMissing
from packager.inputs import read
from packager.inputs.itunes import Smpb, find_smpb

SAMPLES = 3 * 48000 + 777
FRAGMENTS = "-movflags empty_moov+default_base_moof -frag_duration 500000"
Changed = Callable[..., bytes]
Made = Callable[[str, str], bytes]


@pytest.fixture(scope="session")
def aac(made: Made) -> bytes:
    return made("-c:a aac -b:a 96k", "m4a")


@pytest.fixture(scope="session")
def fragmented(made: Made) -> bytes:
    return made(f"-c:a aac -b:a 96k {FRAGMENTS}", "mp4")


def box(kind: bytes, *inside: bytes) -> bytes:
    body = b"".join(inside)
    return (len(body) + 8).to_bytes(4, "big") + kind + body


def tagged(data: bytes, text: bytes, name: bytes = b"iTunSMPB") -> bytes:
    """The file with iTunes' tag in it, as iTunes writes it."""
    tag = box(
        b"----",
        box(b"mean", bytes(4), b"com.apple.iTunes"),
        box(b"name", bytes(4), name),
        box(b"data", b"\0\0\0\1", bytes(4), text),
    )
    handler = HdlrBox(b"mdir", b"").to_bytes()
    udta = box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", tag)))
    boxes = parse(data)
    return b"".join(
        MoovBox((*item.children, *parse(udta))).to_bytes() if isinstance(item, MoovBox) else item.to_bytes()
        for item in boxes
    )


SMPB = b" 00000000 00000840 000001CA 00000000000230B6 00000000 00000000 00000000 00000000 00000000 00000000"


def programme(encoded: Encoded) -> tuple[int, int]:
    return encoded.priming, encoded.samples


def test_itunes_tells_where_no_edit_list_does(aac: bytes, changed: Changed) -> None:
    bare = changed(aac, EdtsBox, remove=True)
    assert programme(read(bare, name="x")) == (0, SAMPLES + 1024)
    assert programme(read(tagged(bare, SMPB), name="x")) == (0x840, 0x230B6)
    from_zero = changed(aac, ElstBox, entries=(Edit(0, 0),))
    assert programme(read(tagged(from_zero, SMPB), name="x")) == (0x840, 0x230B6)
    # The edit list that takes priming off is believed, and other tags say nothing.
    assert programme(read(tagged(aac, SMPB), name="x")) == (1024, SAMPLES)
    assert programme(read(tagged(bare, SMPB, b"iTunNORM"), name="x")) == (0, SAMPLES + 1024)
    assert programme(read(tagged(bare, b"nonsense"), name="x")) == (0, SAMPLES + 1024)


def test_a_tag_that_breaks_off_is_no_tag() -> None:
    broken = box(b"meta", bytes(4), b"\0\0\0\x20ilst")
    for tags in (b"\0\0\0\x20meta", broken, broken + bytes(4), b""):
        (moov,) = parse(box(b"moov", box(b"udta", tags)))
        assert isinstance(moov, MoovBox)
        assert find_smpb(moov) is None
        assert moov.to_bytes() == box(b"moov", box(b"udta", tags))
    assert find_smpb(MoovBox(())) is None
    (moov,) = parse(tagged(MoovBox(()).to_bytes(), SMPB))
    assert isinstance(moov, MoovBox)
    assert find_smpb(moov) == Smpb(0x840, 0x230B6)


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ((Edit(96000, 1024),), (1024, 96000)),
        ((Edit(0, 1024),), (1024, SAMPLES)),
        ((Edit(500, -1), Edit(96000, 2048)), (2048, 96000)),
        ((), (0, SAMPLES + 1024)),
    ],
)
def test_the_edit_list_tells_the_programme(
    aac: bytes, changed: Changed, edits: tuple[Edit, ...], expected: tuple[int, int]
) -> None:
    assert programme(read(changed(aac, ElstBox, entries=edits), name="x")) == expected


def test_a_length_in_milliseconds_is_known_to_the_sample(made: Made) -> None:
    """As most files have it. ffmpeg itself takes the milliseconds for the truth, and plays nine samples less."""
    data = made("-c:a aac -movie_timescale 1000", "mp4")
    assert programme(read(data, name="x")) == (1024, SAMPLES)


def test_opus_without_an_edit_list_has_its_pre_skip(made: Made, changed: Changed) -> None:
    data = changed(made("-c:a libopus -b:a 96k", "mp4"), EdtsBox, remove=True)
    assert programme(read(data, name="x")) == (312, SAMPLES)


def test_large_offsets_are_offsets(aac: bytes, changed: Changed) -> None:
    (stco,) = [found for found in walk(parse(aac)) if isinstance(found, StcoBox)]
    large = aac.replace(stco.to_bytes(), UnknownBox(Co64Box(stco.offsets).to_bytes()).to_bytes())
    grown = len(large) - len(aac)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        place = large.index(kind) - 4
        size = int.from_bytes(large[place : place + 4], "big") + grown
        large = large[:place] + size.to_bytes(4, "big") + large[place + 4 :]
    assert read(large, name="x").units.data == read(aac, name="x").units.data


def walk(boxes: Any) -> list[Any]:
    return [found for item in boxes for found in (item, *walk(getattr(item, "children", ())))]


def rows(*values: int, columns: int) -> Any:
    return numpy.array(values, dtype=">u4").reshape(-1, columns)


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (StszBox, {"sample_size": 1, "sample_count": 0xFFFFFFFF, "sizes": rows(columns=1)[:, 0]}, "4294967295 samples of 1 bytes"),
        (StszBox, {"sample_size": 0, "sample_count": 1, "sizes": rows(1 << 30, columns=1)[:, 0]}, "samples of 1073741824 bytes"),
        (SttsBox, {"entries": rows(0xFFFFFFFF, 1024, columns=2)}, "do not add up"),
        (SttsBox, {"entries": rows(143, 960, columns=2)}, "960 ticks .* are not 1024 samples"),
        (StscBox, {"entries": rows(1, 0xFFFFFFFF, 1, columns=3)}, "do not hold the 143 samples"),
        (StscBox, {"entries": rows(2, 1, 1, columns=3)}, "do not cover the .* chunks"),
        (StscBox, {"entries": rows(1, 0, 1, 1, 143, 1, columns=3)}, "do not cover the .* chunks"),
        (StscBox, {"entries": rows(columns=3)}, "do not"),
        (StcoBox, {"offsets": rows(0xFFFFFF00, columns=1)[:, 0]}, "stbl/stco at byte .*: samples of .* from byte 4294967040 on"),
        (MdhdBox, {"timescale": 0}, "a timescale of 0"),
        (MvhdBox, {"timescale": 0}, "are claimed"),
        (ElstBox, {"entries": (Edit(200000, 1024),)}, "200000 samples behind 1024 of priming are claimed"),
        (ElstBox, {"entries": (Edit(0, 1 << 30),)}, "are claimed"),
        (ElstBox, {"entries": (Edit(1, 0), Edit(1, 0))}, "2 found"),
        (ElstBox, {"entries": (Edit(1, 0, 2),)}, "not at its speed"),
        (ElstBox, {"entries": (Edit(1, -7),)}, "before the media"),
        (HdlrBox, {"handler_type": b"vide"}, "one sound track expected, 0 found"),
        (EsdsBox, {"config": b""}, "ends in the middle"),
        (EsdsBox, {"object_type": 0x6B}, "mp4a.6b: MP3; no browser"),
    ],
)  # fmt: skip
def test_tables_that_lie(
    aac: bytes, changed: Changed, kind: Any, fields: dict[str, Any], reason: str
) -> None:
    broken = changed(aac, kind, **fields)
    with pytest.raises(FormatError, match=reason) as caught:
        read(broken, name="x")
    assert_placed(caught.value, broken)


def assert_placed(error: FormatError, data: bytes) -> None:
    """What is said to begin at a byte does begin there, its size in front."""
    if isinstance(error, BoxError):
        assert data[error.offset + 4 : error.offset + 8].decode() == error.path.rpartition("/")[2]


@pytest.mark.parametrize(
    ("kind", "fields", "reason"),
    [
        (TfdtBox, {"base_media_decode_time": 0}, "time 0, the fragment before ends at"),
        (TrunBox, {"data_offset": -5000}, "samples of"),
        (TrunBox, {"data_offset": 1 << 30}, "samples of"),
        (TrunBox, {"sample_count": 0xFFFFFFFF, "sizes": None, "durations": None}, "4294967295 samples"),
        (TfhdBox, {"sample_description_index": 2}, "more than one sample description"),
        (TrexBox, {"track_id": 9}, "no trex for track 1"),
        (TrafBox, {"children": ()}, "holds no tfhd box"),
    ],
)
def test_fragments_that_lie(
    fragmented: bytes, changed: Changed, kind: Any, fields: dict[str, Any], reason: str
) -> None:
    broken = changed(fragmented, kind, **fields)
    with pytest.raises(BoxError, match=reason) as caught:
        read(broken, name="x")
    assert_placed(caught.value, broken)


def test_nothing_is_claimed_twice(fragmented: bytes, changed: Changed) -> None:
    """Samples without a byte, and those of other tracks, take room in memory too: as much as the file has bytes, no more."""
    runs = [TrunBox(len(fragmented) * 2 // 3, 0)] * 3
    for track, size in ((1, 0), (9, 0), (9, 1)):
        tfhd = TfhdBox(track, sample_size=size, flags=TfhdBox.DEFAULT_BASE_IS_MOOF)
        hostile = changed(fragmented, TrafBox, children=(tfhd, *runs))
        with pytest.raises(BoxError, match=r"trun at byte .* bytes are left|trun at byte .*, the file has"):
            read(hostile, name="x")
        spread = changed(fragmented, TrafBox, children=(tfhd, runs[0]))
        with pytest.raises(BoxError, match=r"trun at byte .* bytes are left|trun at byte .*, the file has"):
            read(spread, name="x")


def test_runs_of_no_chunks_say_nothing(fragmented: bytes, changed: Changed) -> None:
    odd = changed(fragmented, StscBox, entries=rows(5, 0, 1, 2, 0, 1, columns=3))
    assert read(odd, name="x").units.data == read(fragmented, name="x").units.data


def test_fragments_lean_on_defaults_and_on_each_other(fragmented: bytes, changed: Changed) -> None:
    """Without sizes of their own samples take those of `tfhd`; without default-base-is-moof the first run counts from its moof."""
    clear = changed(fragmented, TfhdBox, flags=0)
    assert read(clear, name="x").units.data == read(fragmented, name="x").units.data
    alike = changed(fragmented, TrunBox, sizes=None)
    total = sum(run.sample_count for run in walk(parse(fragmented)) if isinstance(run, TrunBox))
    encoded = read(changed(alike, TfhdBox, sample_size=5), name="x")
    assert encoded.units.sizes.tolist() == [5] * total


def test_a_real_record_in_alac_is_named(good_masters: Any) -> None:
    with pytest.raises(FormatError, match="alac: Apple Lossless; no browser plays it"):
        read((good_masters / "victory2-alac.m4a").read_bytes(), name="x")


def test_what_is_encrypted_or_of_two_tracks_is_refused(made: Made) -> None:
    scheme = "-encryption_scheme cenc-aes-ctr -encryption_key 00112233445566778899aabbccddeeff"
    secret = made(f"-c:a aac {scheme} -encryption_kid 00112233445566778899aabbccddeeff", "mp4")
    with pytest.raises(FormatError, match="encrypted already") as caught:
        read(secret, name="x")
    assert not isinstance(caught.value, KeyMissing)
    with pytest.raises(FormatError, match="one sound track expected, 2 found"):
        read(made("-map 0 -map 0 -c:a aac", "mp4"), name="x")


def test_segments_alone_are_no_file(fragmented: bytes) -> None:
    start = fragmented.index(b"moof") - 4
    with pytest.raises(BoxError, match="need their init segment"):
        read(b"\0\0\0\x10styp" + b"cmfs\0\0\0\0" + fragmented[start:], name="x")
    assert any(isinstance(found, MoofBox) for found in parse(fragmented))


def test_units_are_what_pyav_demuxes(fragmented: bytes, aac: bytes) -> None:
    for data in (fragmented, aac):
        encoded = read(data, name="x")
        with av.open(io.BytesIO(data)) as container:
            packets = [bytes(packet) for packet in container.demux(audio=0) if packet.size]
        assert encoded.units.data == b"".join(packets)
        assert encoded.units.sizes.tolist() == [len(packet) for packet in packets]
