"""`tkhd`, Track Header (ISO/IEC 14496-12 §8.3.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader

# §8.2.2.2: no rotation, no scaling; 16.16 and, in the last column, 2.30.
UNITY = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


@box
class TkhdBox(FullBox):
    """`duration` in the movie's timescale; flags: 1 enabled, 2 in movie, 4 in preview; width and height 16.16."""

    TYPE: ClassVar[bytes] = b"tkhd"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    track_id: int
    duration: int
    creation_time: int = 0
    modification_time: int = 0
    layer: int = 0
    alternate_group: int = 0
    volume: int = 0
    matrix: bytes = UNITY
    width: int = 0
    height: int = 0

    def fields(self) -> bytes:
        head = struct.pack(
            ">III4xI" if self.version == 0 else ">QQI4xQ",
            self.creation_time,
            self.modification_time,
            self.track_id,
            self.duration,
        )
        rest = struct.pack(
            ">8xhhh2x36sII",
            self.layer,
            self.alternate_group,
            self.volume,
            self.matrix,
            self.width,
            self.height,
        )
        return head + rest

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        wide = 4 if version == 0 else 8
        creation, modification, track_id = reader.uint(wide), reader.uint(wide), reader.uint(4)
        reader.take(4)
        duration = reader.uint(wide)
        reader.take(8)
        layer, group, volume = reader.sint(2), reader.sint(2), reader.sint(2)
        reader.take(2)
        return cls(
            track_id,
            duration,
            creation,
            modification,
            layer,
            group,
            volume,
            reader.blob(36),
            reader.uint(4),
            reader.uint(4),
            version=version,
            flags=flags,
        )
