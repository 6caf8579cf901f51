"""Covers: decoded, made small, the same bytes again; and pictures that are none."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ingest.cover import EDGE, cover


def picture(
    kind: str, size: tuple[int, int], mode: str = "RGB", colour: object = 128, **options: object
) -> bytes:
    memory = io.BytesIO()
    Image.new(mode, size, colour).save(memory, kind, **options)  # type: ignore[arg-type]
    return memory.getvalue()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((2000, 1000), (640, 320)), ((600, 600), (600, 600)), ((1, 3000), (1, 640)), ((9, 9), (9, 9))],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_small_and_never_enlarged(kind: str, size: tuple[int, int], expected: tuple[int, int]) -> None:
    made = cover(picture(kind, size))
    assert (made.width, made.height) == expected
    with Image.open(io.BytesIO(made.jpeg)) as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", expected)


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA", "LA", "I;16", "CMYK"])
def test_every_mode_becomes_rgb(mode: str) -> None:
    made = cover(picture("JPEG" if mode == "CMYK" else "PNG", (10, 10), mode, 0))
    with Image.open(io.BytesIO(made.jpeg)) as image:
        assert image.mode == "RGB"


def test_what_is_transparent_is_white() -> None:
    made = cover(picture("PNG", (16, 16), "RGBA", (255, 0, 0, 0)))
    with Image.open(io.BytesIO(made.jpeg)) as image:
        assert min(image.getpixel((8, 8))) > 250


def test_turned_as_the_camera_said_and_without_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by a quarter
    exif[0x010F] = "a camera"
    made = cover(picture("JPEG", (40, 20), exif=exif))
    assert (made.width, made.height) == (20, 40)
    with Image.open(io.BytesIO(made.jpeg)) as image:
        assert not image.getexif()


def test_same_picture_same_bytes() -> None:
    data = picture("PNG", (900, 700))
    assert cover(data) == cover(data)


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 99) + b"IDAT"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "neither JPEG nor PNG"),
        (b"GIF89a....", "neither JPEG nor PNG"),
        (b"<svg/>", "neither JPEG nor PNG"),
        (b"\xff\xd8\xff", "does not decode"),
        (picture("PNG", (50, 50))[:60], "does not decode"),
        (png_header(60_000, 60_000), r"60000 x 60000 pixels"),  # a bomb: refused by its header
        (bytes(33 << 20), "too many for a cover"),
    ],
)
def test_what_is_no_cover(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cover(data)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["JPEG", "PNG"]),
    changes=st.lists(st.tuples(st.integers(3, 700), st.integers(0, 255)), max_size=12),
    keep=st.integers(8, 800),
)
def test_broken_pictures_decode_or_are_refused(kind: str, changes: list[tuple[int, int]], keep: int) -> None:
    data = bytearray(picture(kind, (64, 64)))
    for place, value in changes:
        if place < len(data):
            data[place] = value
    try:
        made = cover(bytes(data[:keep]))
    except ValueError:
        return
    assert max(made.width, made.height) <= EDGE
