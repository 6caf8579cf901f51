"""`trex`, Track Extends (ISO/IEC 14496-12 §8.8.3)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class TrexBox(FullBox):
    """What holds for every sample of every fragment unless `tfhd` or `trun` say otherwise."""

    TYPE: ClassVar[bytes] = b"trex"

    track_id: int
    sample_description_index: int = 1
    sample_duration: int = 0
    sample_size: int = 0
    sample_flags: int = 0

    def fields(self) -> bytes:
        return struct.pack(
            ">5I",
            self.track_id,
            self.sample_description_index,
            self.sample_duration,
            self.sample_size,
            self.sample_flags,
        )

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(*struct.unpack(">5I", reader.take(20)), version=version, flags=flags)
