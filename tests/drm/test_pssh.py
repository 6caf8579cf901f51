"""The common PSSH box, byte for byte."""

from __future__ import annotations

from uuid import UUID

from drm.pssh import common_pssh


def test_the_box_of_the_w3c_note() -> None:
    # The example of "cenc" Initialization Data Format §4.1: version 1, two KIDs, no data.
    kids = [UUID(bytes=b"0123456789012345"), UUID(bytes=b"ABCDEFGHIJKLMNOP")]
    assert common_pssh(kids).to_bytes() == (
        b"\x00\x00\x00\x44pssh\x01\x00\x00\x00"
        b"\x10\x77\xef\xec\xc0\xb2\x4d\x02\xac\xe3\x3c\x1e\x52\xe2\xfb\x4b"
        b"\x00\x00\x00\x02"
        b"0123456789012345ABCDEFGHIJKLMNOP"
        b"\x00\x00\x00\x00"
    )
