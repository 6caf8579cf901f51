"""`sgpd`, Sample Group Descriptions (ISO/IEC 14496-12 §8.9.3), version 1."""

from __future__ import annotations

import struct
from dataclasses import field
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class SgpdBox(FullBox):
    """`entries` are the raw descriptions of `grouping_type`: equal lengths are told once, others each.

    ``roll`` (§10.1) is one signed 16-bit distance; ``seig`` (ISO/IEC 23001-7 §6) holds other keys for some samples.
    """

    TYPE: ClassVar[bytes] = b"sgpd"
    VERSIONS: ClassVar[tuple[int, ...]] = (1,)

    grouping_type: bytes
    entries: tuple[bytes, ...]
    version: int = field(default=1, kw_only=True)

    def fields(self) -> bytes:
        lengths = {len(entry) for entry in self.entries}
        common = lengths.pop() if len(lengths) == 1 else 0
        parts = [struct.pack(">4sII", self.grouping_type, common, len(self.entries))]
        for entry in self.entries:
            parts += (entry,) if common else (struct.pack(">I", len(entry)), entry)
        return b"".join(parts)

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        grouping_type, common, count = reader.blob(4), reader.uint(4), reader.uint(4)
        if count * (common or 4) > reader.remaining:
            raise reader.fail(f"{count} entries claimed, {reader.remaining} bytes are left")
        entries = tuple(reader.blob(common or reader.uint(4)) for _ in range(count))
        return cls(grouping_type, entries, version=version, flags=flags)
