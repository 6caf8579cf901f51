"""`ftyp`, File Type (ISO/IEC 14496-12 §4.3)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import Box, box
from media.boxes.reader import Reader


@box
class FtypBox(Box):
    """Brands are four bytes each."""

    TYPE: ClassVar[bytes] = b"ftyp"

    major_brand: bytes
    minor_version: int
    compatible_brands: tuple[bytes, ...]

    def body(self) -> bytes:
        return struct.pack(">4sI", self.major_brand, self.minor_version) + b"".join(self.compatible_brands)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        major, minor = reader.blob(4), reader.uint(4)
        return cls(major, minor, tuple(reader.blob(4) for _ in range((reader.remaining + 3) // 4)))
