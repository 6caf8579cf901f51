"""`stts`, Decoding Time to Sample (ISO/IEC 14496-12 §8.6.1.2)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader, table


@box
class SttsBox(FullBox):
    """`entries`: sample count and duration, shape (n, 2), uint32."""

    TYPE: ClassVar[bytes] = b"stts"

    entries: Array

    def fields(self) -> bytes:
        return table(self.entries, ">u4")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.array(">u4", reader.uint(4), 2), version=version, flags=flags)
