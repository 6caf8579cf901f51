"""`saio`, Sample Auxiliary Information Offsets (ISO/IEC 14496-12 §8.7.9)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader, table


@box
class SaioBox(FullBox):
    """Where the information of each chunk or run lies, relative to the `moof` in a fragment; 64-bit in version 1.
    With flag 1, `info_type` (type and parameter, 8 bytes) says what the information is."""

    TYPE: ClassVar[bytes] = b"saio"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    offsets: Array
    info_type: bytes = b""

    def fields(self) -> bytes:
        return self.info_type + table(self.offsets, ">u8" if self.version else ">u4")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        info_type = reader.blob(8 if flags & 1 else 0)
        offsets = reader.array(">u8" if version else ">u4", reader.uint(4))
        return cls(offsets, info_type, version=version, flags=flags)
