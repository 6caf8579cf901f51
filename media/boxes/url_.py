"""`url `, Data Entry URL (ISO/IEC 14496-12 §8.7.2)."""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class UrlBox(FullBox):
    """Flag 1: the media data is in this file, and `location` is empty; otherwise a URL and its closing zero."""

    TYPE: ClassVar[bytes] = b"url "

    location: bytes = b""

    def fields(self) -> bytes:
        return self.location

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        return cls(reader.rest(), version=version, flags=flags)
