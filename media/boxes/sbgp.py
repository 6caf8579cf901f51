"""`sbgp`, Sample to Group (ISO/IEC 14496-12 §8.9.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader, table


@box
class SbgpBox(FullBox):
    """`entries`: sample count and description index, shape (n, 2), uint32; index 0 is no group, from 0x10001
    on the descriptions of the fragment are meant. Version 1 carries a parameter."""

    TYPE: ClassVar[bytes] = b"sbgp"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    grouping_type: bytes
    entries: Array
    parameter: int = 0

    def fields(self) -> bytes:
        parameter = struct.pack(">I", self.parameter) if self.version else b""
        return self.grouping_type + parameter + table(self.entries, ">u4")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        grouping_type = reader.blob(4)
        parameter = reader.uint(4) if version else 0
        entries = reader.array(">u4", reader.uint(4), 2)
        return cls(grouping_type, entries, parameter, version=version, flags=flags)
