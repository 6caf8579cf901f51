"""`hdlr`, Handler Reference (ISO/IEC 14496-12 §8.4.3)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class HdlrBox(FullBox):
    """`handler_type` is ``soun`` for audio; `name` is UTF-8 for people, without its closing zero."""

    TYPE: ClassVar[bytes] = b"hdlr"

    handler_type: bytes
    name: bytes

    def fields(self) -> bytes:
        return struct.pack(">4x4s12x", self.handler_type) + self.name + b"\0"

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        reader.take(4)
        handler_type = reader.blob(4)
        reader.take(12)
        return cls(handler_type, reader.rest().removesuffix(b"\0"), version=version, flags=flags)
