"""Headers that promise more than the file holds."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.headers import check_caf, check_mp4_is_whole, check_ogg, check_wav
from media.errors import MasterRejected


def wav(
    data: bytes,
    *,
    claims: int | None = None,
    riff: int | None = None,
    before: bytes = b"",
    kind: bytes = b"RIFF",
) -> bytes:
    order = ">" if kind == b"RIFX" else "<"
    size = len(data) if claims is None else claims
    form = b"fmt " + struct.pack(order + "IHHIIHH", 16, 1, 2, 44100, 176400, 4, 16)
    body = b"WAVE" + before + form + b"data" + struct.pack(order + "I", size) + data
    return kind + struct.pack(order + "I", len(body) if riff is None else riff) + body


def reason(check: Callable[[BinaryIO, int, str], None], data: bytes) -> str | None:
    try:
        check(io.BytesIO(data), len(data), "song")
    except MasterRejected as error:
        return error.reason
    return None


DS64 = b"ds64" + struct.pack("<IQQQI", 28, 4096 + 80, 4096, 1024, 0)
SOUND = b"\1" * 4096


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (wav(SOUND), None),
        (wav(SOUND) + b"LIST\4\0\0\0abcd", None),
        (wav(SOUND, before=b"JUNK\3\0\0\0abc\0"), None),  # odd chunks are padded
        (wav(SOUND, claims=0xFFFFFFFF, riff=0xFFFFFFFF), None),  # streamed: nobody knew
        (wav(SOUND, claims=0, riff=0), None),  # a recorder that was never stopped
        (wav(SOUND, claims=0xFFFFFFFF, riff=0xFFFFFFFF, before=DS64, kind=b"RF64"), None),
        (wav(SOUND, kind=b"RIFX"), None),
        (b"FORM\0\0\0\0AIFF", None),
        (b"RIFF\0\0\0", None),
        (wav(b""), "no-samples"),
        (wav(b"", claims=0, riff=0), "no-samples"),
        (wav(b"", claims=0xFFFFFFFF, riff=0xFFFFFFFF), "no-samples"),
        (wav(b"")[:36], "no-samples"),  # no data chunk at all
        (wav(b"", riff=9000), "no-samples"),
        (wav(SOUND)[:-1000], "truncated"),
        (wav(SOUND)[:44], "truncated"),
        (wav(SOUND, claims=0xFFFFFFFF, riff=0xFFFFFFFF, before=DS64, kind=b"RF64")[:-9], "truncated"),
        (wav(SOUND, claims=0x7FFFFF00), "header-lies"),
        (wav(SOUND, claims=5000), "header-lies"),
    ],
)
def test_wav(data: bytes, expected: str | None) -> None:
    assert reason(check_wav, data) == expected


CAF = b"caff\0\1\0\0" + b"desc" + struct.pack(">q", 32) + bytes(32) + b"data"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (CAF + struct.pack(">q", 4) + b"abcd", None),
        (CAF + struct.pack(">q", -1) + b"abcd", None),
        (CAF + struct.pack(">q", 400) + b"abcd", "truncated"),
        (b"caff\0\1\0\0" + b"free" + struct.pack(">q", -5), None),
        (b"caff", None),
        (b"RIFF", None),
    ],
)
def test_caf(data: bytes, expected: str | None) -> None:
    assert reason(check_caf, data) == expected


@pytest.mark.parametrize(
    ("flags", "expected"), [(b"\0", "truncated"), (b"\1", "truncated"), (b"\4", None), (b"\5", None)]
)
def test_ogg_must_end(flags: bytes, expected: str | None) -> None:
    first = b"OggS\0\2" + bytes(22)
    assert reason(check_ogg, first + bytes(100_000) + b"OggS\0" + flags + bytes(300)) == expected


BOX = struct.Struct(">I4s")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (BOX.pack(16, b"ftyp") + bytes(8) + BOX.pack(900, b"mdat") + bytes(100), "truncated"),
        (BOX.pack(16, b"ftyp") + bytes(8) + BOX.pack(1, b"mdat") + (900).to_bytes(8, "big"), "truncated"),
        (BOX.pack(16, b"ftyp") + bytes(8) + BOX.pack(8, b"free"), None),
        (BOX.pack(16, b"ftyp") + bytes(8) + BOX.pack(0, b"mdat") + bytes(9), None),
        (BOX.pack(16, b"ftyp") + bytes(8) + BOX.pack(3, b"mdat"), None),
        (b"this is not", None),
        (b"", None),
    ],
)
def test_mp4(data: bytes, expected: str | None) -> None:
    assert reason(check_mp4_is_whole, data) == expected


@given(
    st.sampled_from([b"RIFF", b"RF64", b"RIFX", b"caff", b"OggS", b"\0\0\0\x10ftyp", wav(SOUND)[:30], CAF]),
    st.binary(max_size=200),
)
def test_any_bytes_pass_or_are_refused(start: bytes, rest: bytes) -> None:
    for check in (check_wav, check_caf, check_ogg, check_mp4_is_whole):
        assert reason(check, start + rest) in (None, "no-samples", "truncated", "header-lies")
