"""`mehd`, Movie Extends Header (ISO/IEC 14496-12 §8.8.2)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class MehdBox(FullBox):
    """The length of the whole movie, fragments included, in the movie's timescale."""

    TYPE: ClassVar[bytes] = b"mehd"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    fragment_duration: int

    def fields(self) -> bytes:
        return self.fragment_duration.to_bytes(8 if self.version else 4, "big")

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.uint(8 if version else 4), version=version, flags=flags)
