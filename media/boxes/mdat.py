"""`mdat`, Media Data (ISO/IEC 14496-12 §8.1.1)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import Box, box
from media.boxes.reader import Reader


@box
class MdatBox(Box):
    TYPE: ClassVar[bytes] = b"mdat"

    data: bytes | memoryview

    def body(self) -> bytes:
        return bytes(self.data)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.take(reader.remaining))
