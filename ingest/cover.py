"""The cover: whatever picture a master carries, as one small JPEG of ours.

A picture out of a stranger's file is decoded, never passed on: what listeners get has been through one decoder
and one encoder, holds no metadata, and is the same bytes for the same picture.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

EDGE = 640  # pixels, the longer side at most
_LARGEST = 32 << 20  # bytes as embedded
_MOST_PIXELS = 50_000_000  # 7000 x 7000: 150 MB decoded
_KINDS: dict[bytes, type[ImageFile]] = {b"\xff\xd8\xff": JpegImageFile, b"\x89PNG\r\n\x1a\n": PngImageFile}


@dataclass(frozen=True, slots=True)
class Cover:
    """`jpeg` is the picture itself; `width` and `height` are its pixels, at most `EDGE` each."""

    jpeg: bytes = field(repr=False)
    width: int
    height: int


def cover(picture: bytes) -> Cover:
    """Turn an embedded JPEG or PNG into a `Cover`. Raises `ValueError` with the reason when it is none."""
    if len(picture) > _LARGEST:
        raise ValueError(f"{len(picture)} bytes are too many for a cover")
    # The type is what the bytes say; the one in the tag is not asked.
    kind = next((kind for magic, kind in _KINDS.items() if picture.startswith(magic)), None)
    if kind is None:
        raise ValueError("neither JPEG nor PNG")
    try:
        with kind(io.BytesIO(picture)) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels are too many for a cover")
            image.draft("RGB", (EDGE, EDGE))  # a JPEG is decoded no larger than needed
            small = _flat(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, EOFError, struct.error) as error:
        raise ValueError(f"it does not decode: {error}") from None
    small.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
    memory = io.BytesIO()
    small.save(memory, "JPEG", quality=88, optimize=True, progressive=True, subsampling="4:2:0")
    return Cover(memory.getvalue(), small.width, small.height)


def _flat(image: Image.Image) -> Image.Image:
    """RGB, with what is transparent on white."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", layer.size, "white")
    white.paste(layer, mask=layer.getchannel("A"))
    return white
