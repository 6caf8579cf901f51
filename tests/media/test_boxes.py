"""Every box: what is written is read back equal, and written again the same."""

from __future__ import annotations

import pytest

from media.boxes import PsshBox, UnknownBox, parse
from media.errors import BoxError


@pytest.mark.parametrize(
    "box",
    [
        PsshBox(0, b"s" * 16, (), b"payload"),
        PsshBox(1, b"s" * 16, (b"k" * 16, b"l" * 16), b""),
    ],
)
def test_what_is_written_is_read_back(box: PsshBox) -> None:
    assert parse(box.to_bytes()) == [box]


def test_unknown_boxes_are_kept_byte_for_byte() -> None:
    raw = b"\0\0\0\x0cabcdwxyz"
    assert parse(raw) == [UnknownBox(raw)]


def test_a_lying_count_is_refused_before_anything_is_allocated() -> None:
    raw = bytearray(PsshBox(1, b"s" * 16, (b"k" * 16,), b"").to_bytes())
    raw[28:32] = b"\xff\xff\xff\xff"
    with pytest.raises(BoxError, match="pssh at byte 32: 4294967295 entries of 16 bytes claimed"):
        parse(raw)
