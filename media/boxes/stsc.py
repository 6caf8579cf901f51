"""`stsc`, Sample to Chunk (ISO/IEC 14496-12 §8.7.4)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader, table


@box
class StscBox(FullBox):
    """`entries`: first chunk, samples per chunk, sample description, shape (n, 3), uint32."""

    TYPE: ClassVar[bytes] = b"stsc"

    entries: Array

    def fields(self) -> bytes:
        return table(self.entries, ">u4")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.array(">u4", reader.uint(4), 3), version=version, flags=flags)
