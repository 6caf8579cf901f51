"""`stco`, Chunk Offsets (ISO/IEC 14496-12 §8.7.5)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader, table


@box
class StcoBox(FullBox):
    """`offsets` from the start of the file, shape (n,), uint32."""

    TYPE: ClassVar[bytes] = b"stco"

    offsets: Array

    def fields(self) -> bytes:
        return table(self.offsets, ">u4")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.array(">u4", reader.uint(4)), version=version, flags=flags)
