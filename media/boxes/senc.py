"""`senc`, Sample Encryption (ISO/IEC 23001-7 §7.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader
from media.errors import BoxError


@box
class SencBox(FullBox):
    """Per sample an IV and, with flag 2, a map of subsamples. How long an IV is stands in `tenc`, not here:
    `data` is kept as it is and `ivs` reads it."""

    TYPE: ClassVar[bytes] = b"senc"
    SUBSAMPLES: ClassVar[int] = 2

    sample_count: int
    data: bytes

    def fields(self) -> bytes:
        return struct.pack(">I", self.sample_count) + self.data

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.uint(4), reader.rest(), version=version, flags=flags)

    def ivs(self, size: int) -> bytes:
        """The IVs end to end. Raises `BoxError` when there are subsamples or the sizes do not add up."""
        if self.flags & self.SUBSAMPLES:
            raise BoxError(
                "senc", 0, "subsamples in audio, which is encrypted whole (ISO/IEC 23001-7 §9.5.1)"
            )
        if len(self.data) != self.sample_count * size:
            raise BoxError("senc", 0, f"{len(self.data)} bytes are not {self.sample_count} IVs of {size}")
        return self.data
