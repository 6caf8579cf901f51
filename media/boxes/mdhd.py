"""`mdhd`, Media Header (ISO/IEC 14496-12 §8.4.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class MdhdBox(FullBox):
    """`duration` in `timescale`; `language` is three letters of ISO 639-2/T."""

    TYPE: ClassVar[bytes] = b"mdhd"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    timescale: int
    duration: int
    language: bytes = b"und"
    creation_time: int = 0
    modification_time: int = 0

    def fields(self) -> bytes:
        first, second, third = (letter - 0x60 for letter in self.language)
        return struct.pack(
            ">IIIIHH" if self.version == 0 else ">QQIQHH",
            self.creation_time,
            self.modification_time,
            self.timescale,
            self.duration,
            first << 10 | second << 5 | third,
            0,
        )

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        wide = 4 if version == 0 else 8
        creation, modification = reader.uint(wide), reader.uint(wide)
        timescale, duration = reader.uint(4), reader.uint(wide)
        packed = reader.uint(2)
        reader.take(2)
        language = bytes((packed >> shift & 31) + 0x60 for shift in (10, 5, 0))
        return cls(timescale, duration, language, creation, modification, version=version, flags=flags)
