"""`tfdt`, Track Fragment Decode Time (ISO/IEC 14496-12 §8.8.12)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class TfdtBox(FullBox):
    """The sum of the durations of all earlier samples, in the track's timescale."""

    TYPE: ClassVar[bytes] = b"tfdt"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    base_media_decode_time: int

    def fields(self) -> bytes:
        return self.base_media_decode_time.to_bytes(8 if self.version else 4, "big")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.uint(8 if version else 4), version=version, flags=flags)
