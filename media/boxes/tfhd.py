"""`tfhd`, Track Fragment Header (ISO/IEC 14496-12 §8.8.7)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader

# §8.8.7.1: the flag of each optional field and its width in bytes, in the order they are written.
OPTIONAL = ((0x01, 8), (0x02, 4), (0x08, 4), (0x10, 4), (0x20, 4))


@box
class TfhdBox(FullBox):
    """Defaults for one fragment; what is ``None`` is not written and `trex` holds.

    `flags` are the bits that stand for no field: 0x10000 duration is empty, `DEFAULT_BASE_IS_MOOF`.
    """

    TYPE: ClassVar[bytes] = b"tfhd"
    DEFAULT_BASE_IS_MOOF: ClassVar[int] = 0x20000

    track_id: int
    base_data_offset: int | None = None
    sample_description_index: int | None = None
    sample_duration: int | None = None
    sample_size: int | None = None
    sample_flags: int | None = None

    def body(self) -> bytes:
        values = (
            self.base_data_offset,
            self.sample_description_index,
            self.sample_duration,
            self.sample_size,
            self.sample_flags,
        )
        flags = self.flags | sum(
            bit for (bit, _), value in zip(OPTIONAL, values, strict=True) if value is not None
        )
        parts = [struct.pack(">II", self.version << 24 | flags, self.track_id)]
        for (_, size), value in zip(OPTIONAL, values, strict=True):
            if value is not None:
                parts.append(value.to_bytes(size, "big"))
        return b"".join(parts)

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        track_id = reader.uint(4)
        values = [reader.uint(size) if flags & bit else None for bit, size in OPTIONAL]
        return cls(track_id, *values, version=version, flags=flags & ~sum(bit for bit, _ in OPTIONAL))
