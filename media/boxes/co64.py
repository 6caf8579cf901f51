"""`co64`, Chunk Large Offset (ISO/IEC 14496-12 §8.7.5): `stco` for files beyond 4 GiB."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader, table


@box
class Co64Box(FullBox):
    """`offsets` from the start of the file, shape (n,), uint64."""

    TYPE: ClassVar[bytes] = b"co64"

    offsets: Array

    def fields(self) -> bytes:
        return table(self.offsets, ">u8")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.array(">u8", reader.uint(4)), version=version, flags=flags)
