"""`schm`, Scheme Type (ISO/IEC 14496-12 §8.12.5, ISO/IEC 23001-7 §4)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class SchmBox(FullBox):
    """`scheme_type` is ``cenc`` or ``cbcs``, `scheme_version` 0x00010000; with flag 1 a URI follows."""

    TYPE: ClassVar[bytes] = b"schm"

    scheme_type: bytes
    scheme_version: int = 0x10000
    scheme_uri: bytes = b""

    def fields(self) -> bytes:
        return struct.pack(">4sI", self.scheme_type, self.scheme_version) + self.scheme_uri

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.blob(4), reader.uint(4), reader.rest(), version=version, flags=flags)
