"""`mvhd`, Movie Header (ISO/IEC 14496-12 §8.2.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader
from media.boxes.tkhd import UNITY


@box
class MvhdBox(FullBox):
    """Times in seconds since 1904 (0 = not told), `duration` in `timescale`; `rate` 16.16, `volume` 8.8, `matrix` nine words."""

    TYPE: ClassVar[bytes] = b"mvhd"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    timescale: int
    duration: int
    next_track_id: int
    creation_time: int = 0
    modification_time: int = 0
    rate: int = 0x10000
    volume: int = 0x100
    matrix: bytes = UNITY

    def fields(self) -> bytes:
        times = struct.pack(
            ">IIII" if self.version == 0 else ">QQIQ",
            self.creation_time,
            self.modification_time,
            self.timescale,
            self.duration,
        )
        rest = struct.pack(">ih10x36s24xI", self.rate, self.volume, self.matrix, self.next_track_id)
        return times + rest

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        wide = 4 if version == 0 else 8
        creation, modification = reader.uint(wide), reader.uint(wide)
        timescale, duration = reader.uint(4), reader.uint(wide)
        rate, volume = reader.sint(4), reader.sint(2)
        reader.take(10)
        matrix = reader.blob(36)
        reader.take(24)
        return cls(
            timescale,
            duration,
            reader.uint(4),
            creation,
            modification,
            rate,
            volume,
            matrix,
            version=version,
            flags=flags,
        )
