"""`elst`, Edit List (ISO/IEC 14496-12 §8.6.6)."""

from __future__ import annotations

import struct
from typing import ClassVar, NamedTuple, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


class Edit(NamedTuple):
    """`segment_duration` in the movie's timescale, `media_time` in the track's (−1: an empty edit); rate 1 plays."""

    segment_duration: int
    media_time: int
    rate: int = 1
    rate_fraction: int = 0


@box
class ElstBox(FullBox):
    """Version 0 holds 32-bit times, version 1 64-bit ones."""

    TYPE: ClassVar[bytes] = b"elst"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    entries: tuple[Edit, ...]

    def fields(self) -> bytes:
        form = ">Iihh" if self.version == 0 else ">Qqhh"
        rows = (struct.pack(form, *entry) for entry in self.entries)
        return b"".join((struct.pack(">I", len(self.entries)), *rows))

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        form = ">u4,>i4,>i2,>i2" if version == 0 else ">u8,>i8,>i2,>i2"
        rows = reader.array(form, reader.uint(4)).tolist()
        return cls(tuple(Edit(*row) for row in rows), version=version, flags=flags)
