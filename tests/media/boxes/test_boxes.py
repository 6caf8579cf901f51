"""Every box: what is written is read back equal, field by field, and written again the same."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy
import pytest
from hypothesis import HealthCheck, given, settings

import media.boxes
from media.boxes import (
    DflaBox,
    DopsBox,
    Edit,
    ElstBox,
    EsdsBox,
    FtypBox,
    MdatBox,
    MetadataBlock,
    MoovBox,
    MvhdBox,
    PsshBox,
    SencBox,
    SgpdBox,
    TencBox,
    TfdtBox,
    TfhdBox,
    TkhdBox,
    TrakBox,
    TrunBox,
    UnknownBox,
    parse,
)
from media.errors import BoxError


def known_types() -> list[str]:
    classes = (getattr(media.boxes, name) for name in media.boxes.__all__)
    return sorted(kind.TYPE.decode() for kind in classes if getattr(kind, "TYPE", b""))


def fields(box: Any) -> dict[str, Any]:
    """The values of a box, arrays as lists, children as their own values."""

    def plain(value: Any) -> Any:
        if isinstance(value, numpy.ndarray):
            return value.tolist()
        if isinstance(value, memoryview):
            return bytes(value)
        if isinstance(value, tuple) and value and isinstance(value[0], media.boxes.Box):
            return [fields(item) for item in value]
        return value

    return {name: plain(getattr(box, name)) for name in type(box).__dataclass_fields__}


def test_every_box_has_a_strategy(box_strategies: dict[str, Any]) -> None:
    assert sorted(box_strategies) == known_types()


@pytest.mark.parametrize("kind", known_types())
def test_what_is_written_is_read_back(kind: str, box_strategies: dict[str, Any]) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(box_strategies[kind])
    def check(box: Any) -> None:
        raw = box.to_bytes()
        (read,) = parse(raw)
        assert type(read) is type(box)
        assert fields(read) == fields(box)
        assert read == box
        assert read.to_bytes() == raw

    check()


@given(st.binary(max_size=64))
def test_unknown_boxes_are_kept_byte_for_byte(body: bytes) -> None:
    short = (len(body) + 8).to_bytes(4, "big") + b"abcd" + body
    long = b"\0\0\0\1abcd" + (len(body) + 16).to_bytes(8, "big") + body
    to_the_end = b"\0\0\0\0abcd" + body
    raw = short + long + to_the_end
    boxes = parse(raw)
    assert [type(box) for box in boxes] == [UnknownBox] * 3
    assert [box.type for box in boxes] == [b"abcd"] * 3
    assert b"".join(box.to_bytes() for box in boxes) == raw


def test_a_version_that_its_class_does_not_know_is_kept_too() -> None:
    raw = b"\0\0\0\x0etfdt\7\0\0\0??"
    assert parse(raw) == [UnknownBox(raw)]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        # Written out by hand from the standard's tables, so that reading and writing cannot be wrong together.
        (FtypBox(b"iso6", 1, (b"cmfc",)), "00000014 66747970 69736f36 00000001 636d6663"),
        (TfdtBox(5, version=1), "00000014 74666474 01000000 0000000000000005"),
        (
            TfhdBox(1, sample_duration=1024, flags=TfhdBox.DEFAULT_BASE_IS_MOOF),
            "00000014 74666864 00020008 00000001 00000400",
        ),
        (
            TrunBox(2, data_offset=88, sizes=numpy.array([3, 4])),
            "0000001c 7472756e 00000201 00000002 00000058 00000003 00000004",
        ),
        (
            ElstBox((Edit(441, 1024),)),
            "0000001c 656c7374 00000000 00000001 000001b9 00000400 0001 0000",
        ),
        (SgpdBox(b"roll", (b"\xff\xff",)), "0000001a 73677064 01000000 726f6c6c 00000002 00000001 ffff"),
        (
            TencBox(b"k" * 16, 0, b"i" * 16, version=1),
            "00000031 74656e63 01000000 00 00 01 00" + b"k".hex() * 16 + "10" + b"i".hex() * 16,
        ),
        (
            DopsBox(2, 312, 48000, -256),
            "00000013 644f7073 00 02 0138 0000bb80 ff00 00",
        ),
        (
            DopsBox(3, 312, 44100, 0, 1, b"\2\1\0\2\1"),
            "00000018 644f7073 00 03 0138 0000ac44 0000 01 02 01 000201",
        ),
        (
            DflaBox((MetadataBlock(0, b"s" * 34), MetadataBlock(4, b"v"))),
            "00000037 64664c61 00000000 00 000022" + b"s".hex() * 34 + "84 000001 76",
        ),
        (
            EsdsBox(b"\x12\x10", avg_bitrate=96000),
            "00000027 65736473 00000000 03 19 0000 00 04 11 40 15 000000 00000000 00017700 05 02 1210 06 01 02",
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_the_bytes_are_those_of_the_standard(box: Any, expected: str) -> None:
    assert box.to_bytes().hex() == expected.replace(" ", "")


def test_descriptor_lengths_in_four_groups_are_read_as_other_writers_leave_them() -> None:
    es = "0380808022 0000 00 0480808014 40 15 000000 00000000 00017700 0580808002 1210 0680808001 02"
    raw = bytes.fromhex("00000033 65736473 00000000" + es)
    assert parse(raw) == [EsdsBox(b"\x12\x10", avg_bitrate=96000)]


def test_children_are_found_by_their_class() -> None:
    tracks = (TrakBox((TkhdBox(1, 0),)), TrakBox((TkhdBox(2, 0),)))
    moov = MoovBox((MvhdBox(44100, 0, 3), *tracks))
    assert moov.get(MvhdBox).timescale == 44100
    assert [track.get(TkhdBox).track_id for track in moov.all(TrakBox)] == [1, 2]
    assert moov.find(MdatBox) is None
    with pytest.raises(BoxError, match="moov at byte 0: holds no mdat box"):
        moov.get(MdatBox)


def test_sample_encryption_gives_its_ivs_when_told_their_size() -> None:
    assert SencBox(2, bytes(16)).ivs(8) == bytes(16)
    with pytest.raises(BoxError, match="16 bytes are not 2 IVs of 16"):
        SencBox(2, bytes(16)).ivs(16)
    with pytest.raises(BoxError, match="subsamples"):
        SencBox(2, bytes(16), flags=SencBox.SUBSAMPLES).ivs(8)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("00000007 6d6f6f76", "moov at byte 0: a size of 7 bytes does not hold its own header"),
        ("00000009 6d6f6f76", "moov at byte 0: 9 bytes claimed, 8 are there"),
        ("000000", "file at byte 0: 4 bytes expected, 3 are left"),
        ("00000010 6d6f6f76 00000000 74726163", "moov/trac at byte 8: a size of 0"),
        ("00000013 644f7073 01 02 0138 0000bb80 0000 00", "dOps at byte 9: version 1"),
        ("00000011 64664c61 00000000 00 000001 76", "dfLa at byte 17: the last metadata block"),
        ("00000011 74666474 00000000 00000000 00", "tfdt at byte 16: 1 bytes behind the last field"),
        ("00000010 73747364 00000000 00000001", "stsd at byte 16: 1 entries claimed, 0 are there"),
        ("00000014 7374636f 00000000 ffffffff 00000000", "stco at byte 16: 4294967295 entries of 4 bytes"),
    ],
)
def test_what_is_wrong_is_named_with_its_path_and_place(raw: str, message: str) -> None:
    with pytest.raises(BoxError, match=message):
        parse(bytes.fromhex(raw))


def test_a_lying_count_is_refused_before_anything_is_allocated() -> None:
    raw = bytearray(PsshBox(1, b"s" * 16, (b"k" * 16,), b"").to_bytes())
    raw[28:32] = b"\xff\xff\xff\xff"
    with pytest.raises(BoxError, match="pssh at byte 32: 4294967295 entries of 16 bytes claimed"):
        parse(raw)


def test_nesting_has_an_end() -> None:
    box: Any = MoovBox(())
    for _ in range(40):
        box = MoovBox((box,))
    with pytest.raises(BoxError, match="deep"):
        parse(box.to_bytes())
