"""`smhd`, Sound Media Header (ISO/IEC 14496-12 §12.2.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class SmhdBox(FullBox):
    """`balance` is 8.8: 0 is the centre."""

    TYPE: ClassVar[bytes] = b"smhd"

    balance: int = 0

    def fields(self) -> bytes:
        return struct.pack(">h2x", self.balance)

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        balance = reader.sint(2)
        reader.take(2)
        return cls(balance, version=version, flags=flags)
