"""`sidx`, Segment Index (ISO/IEC 14496-12 §8.16.3)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

import numpy

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader


@box
class SidxBox(FullBox):
    """`references`: one bit of type and 31 of size; duration; 1 bit starts-with-SAP, 3 of type, 28 of delta;
    shape (n, 3), uint32. Times are 64-bit in version 1."""

    TYPE: ClassVar[bytes] = b"sidx"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    reference_id: int
    timescale: int
    earliest_presentation_time: int
    first_offset: int
    references: Array

    def fields(self) -> bytes:
        head = struct.pack(
            ">IIQQ2xH" if self.version else ">IIII2xH",
            self.reference_id,
            self.timescale,
            self.earliest_presentation_time,
            self.first_offset,
            len(self.references),
        )
        return head + numpy.asarray(self.references, dtype=">u4").tobytes()

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        wide = 8 if version else 4
        values = reader.uint(4), reader.uint(4), reader.uint(wide), reader.uint(wide)
        reader.take(2)
        return cls(*values, reader.array(">u4", reader.uint(2), 3), version=version, flags=flags)
