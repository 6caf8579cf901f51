"""`pssh`, Protection System Specific Header (ISO/IEC 23001-7 §8.1)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class PsshBox(FullBox):
    """`system_id` and each of `kids` are 16 bytes; version 0 carries no KIDs, `data` is the system's own."""

    TYPE: ClassVar[bytes] = b"pssh"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    version: int
    system_id: bytes
    kids: tuple[bytes, ...]
    data: bytes

    def __post_init__(self) -> None:
        if len(self.system_id) != 16 or any(len(kid) != 16 for kid in self.kids):
            raise ValueError("a system id and a KID are 16 bytes")
        if self.kids and self.version == 0:
            raise ValueError("version 0 carries no KIDs")

    def fields(self) -> bytes:
        kids = b"" if self.version == 0 else struct.pack(">I", len(self.kids)) + b"".join(self.kids)
        return b"".join((self.system_id, kids, struct.pack(">I", len(self.data)), self.data))

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        system_id = reader.blob(16)
        kids: tuple[bytes, ...] = ()
        if version > 0:
            table = reader.array("u1", reader.uint(4), 16)
            kids = tuple(row.tobytes() for row in table)
        return cls(version, system_id, kids, reader.blob(reader.uint(4)), flags=flags)
