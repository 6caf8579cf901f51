"""`stsz`, Sample Sizes (ISO/IEC 14496-12 §8.7.3.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

import numpy

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader


@box
class StszBox(FullBox):
    """All samples have `sample_size` bytes, or, when that is 0, those in `sizes`, shape (n,), uint32."""

    TYPE: ClassVar[bytes] = b"stsz"

    sample_size: int
    sample_count: int
    sizes: Array

    def fields(self) -> bytes:
        sizes = numpy.asarray(self.sizes, dtype=">u4").tobytes()
        return struct.pack(">II", self.sample_size, self.sample_count) + sizes

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        size, count = reader.uint(4), reader.uint(4)
        sizes = reader.array(">u4", 0 if size else count)
        return cls(size, count, sizes, version=version, flags=flags)
