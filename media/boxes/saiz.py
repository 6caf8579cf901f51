"""`saiz`, Sample Auxiliary Information Sizes (ISO/IEC 14496-12 §8.7.8)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class SaizBox(FullBox):
    """All samples have `default_size` bytes, or, when that is 0, those in `sizes`, shape (n,), uint8.
    With flag 1, `info_type` (type and parameter, 8 bytes) says what the information is."""

    TYPE: ClassVar[bytes] = b"saiz"

    default_size: int
    sample_count: int
    sizes: bytes = b""
    info_type: bytes = b""

    def fields(self) -> bytes:
        return self.info_type + struct.pack(">BI", self.default_size, self.sample_count) + self.sizes

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        info_type = reader.blob(8 if flags & 1 else 0)
        default, count = reader.uint(1), reader.uint(4)
        sizes = reader.blob(0 if default else count)
        return cls(default, count, sizes, info_type, version=version, flags=flags)
