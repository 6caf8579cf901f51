"""`frma`, Original Format (ISO/IEC 14496-12 §8.12.2)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import Box, box
from media.boxes.reader import Reader


@box
class FrmaBox(Box):
    """`data_format` is the type the sample entry had before it was protected."""

    TYPE: ClassVar[bytes] = b"frma"

    data_format: bytes

    def body(self) -> bytes:
        return self.data_format

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.blob(4))
