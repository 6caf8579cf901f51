"""`btrt`, Bit Rate (ISO/IEC 14496-12 §8.5.2.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import Box, box
from media.boxes.reader import Reader


@box
class BtrtBox(Box):
    """`buffer_size` in bytes, the rates in bit/s."""

    TYPE: ClassVar[bytes] = b"btrt"

    buffer_size: int
    max_bitrate: int
    avg_bitrate: int

    def body(self) -> bytes:
        return struct.pack(">III", self.buffer_size, self.max_bitrate, self.avg_bitrate)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(reader.uint(4), reader.uint(4), reader.uint(4))
