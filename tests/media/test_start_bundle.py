"""The start bundle as bytes: what was written is read, and whatever is no bundle is refused in one line."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.boxes import parse
from media.errors import FormatError
from media.start_bundle import USER_TYPE, read, write

words = st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=5)


@given(words, st.binary(max_size=200))
def test_what_was_written_is_read(document: dict[str, Any], media: bytes) -> None:
    bundle = write(json.dumps(document).encode(), media)
    assert read(bundle) == (document, media)
    [first] = parse(bundle[: len(bundle) - len(media)])
    assert first.type == b"uuid"


@given(words, st.data())
def test_a_damaged_bundle_is_refused_or_read_and_nothing_else(document: dict[str, Any], data: Any) -> None:
    bundle = bytearray(write(json.dumps(document).encode(), b"media"))
    for _ in range(data.draw(st.integers(1, 4))):
        bundle[data.draw(st.integers(0, len(bundle) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(bundle[: data.draw(st.integers(0, len(bundle)))])
    with contextlib.suppress(FormatError):  # and no other error
        found, media = read(cut)
        assert isinstance(found, dict)
        assert cut.endswith(media)


@pytest.mark.parametrize(
    "bundle",
    [
        b"",
        b"\x00\x00\x00\x18uuid" + USER_TYPE[:15],
        b"\x00\x00\x00\x1auuid" + bytes(16) + b"{}",
        b"\x00\x00\x00\x1afree" + USER_TYPE + b"{}",
        b"\x00\x00\x00\x00uuid" + USER_TYPE + b"{}",  # to the end of the file: the media would be lost in it
        b"\x00\x00\x00\x17uuid" + USER_TYPE + b"{}",
        b"\x00\x00\x00\x1buuid" + USER_TYPE + b"{}",
        write(b"[]", b""),
        write(b"\xff", b""),
        write(b"[" * 8000, b""),
    ],
)
def test_what_is_no_bundle(bundle: bytes) -> None:
    with pytest.raises(FormatError, match=r"^start bundle: "):
        read(bundle)
