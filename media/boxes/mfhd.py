"""`mfhd`, Movie Fragment Header (ISO/IEC 14496-12 §8.8.5)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class MfhdBox(FullBox):
    """`sequence_number` grows from fragment to fragment."""

    TYPE: ClassVar[bytes] = b"mfhd"

    sequence_number: int

    def fields(self) -> bytes:
        return struct.pack(">I", self.sequence_number)

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.uint(4), version=version, flags=flags)
