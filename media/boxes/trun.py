"""`trun`, Track Fragment Run (ISO/IEC 14496-12 §8.8.8)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

import numpy

from media.boxes.base import FullBox, box
from media.boxes.reader import Array, Reader

DATA_OFFSET, FIRST_SAMPLE_FLAGS = 0x01, 0x04
# §8.8.8.1: duration, size, flags, composition time offset, in the order of a row.
COLUMNS = (0x100, 0x200, 0x400, 0x800)


@box
class TrunBox(FullBox):
    """One run of samples as columns: each an array of shape (sample_count,), or ``None`` where defaults hold.

    `data_offset` is the first sample's place, from the start of the `moof` with default-base-is-moof. Composition
    offsets are signed in version 1. `flags` are the bits that stand for no field.
    """

    TYPE: ClassVar[bytes] = b"trun"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    sample_count: int
    data_offset: int | None = None
    first_sample_flags: int | None = None
    durations: Array | None = None
    sizes: Array | None = None
    sample_flags: Array | None = None
    composition_offsets: Array | None = None

    def body(self) -> bytes:
        columns = (self.durations, self.sizes, self.sample_flags, self.composition_offsets)
        flags = self.flags | sum(
            bit for bit, column in zip(COLUMNS, columns, strict=True) if column is not None
        )
        parts = []
        if self.data_offset is not None:
            flags |= DATA_OFFSET
            parts.append(struct.pack(">i", self.data_offset))
        if self.first_sample_flags is not None:
            flags |= FIRST_SAMPLE_FLAGS
            parts.append(struct.pack(">I", self.first_sample_flags))
        present = [column for column in columns if column is not None]
        rows = numpy.empty((self.sample_count, len(present)), dtype=">u4")
        for place, column in enumerate(present):
            rows[:, place] = column  # two's complement: a signed offset keeps its bits
        head = struct.pack(">II", self.version << 24 | flags, self.sample_count)
        return b"".join((head, *parts, rows.tobytes()))

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        count = reader.uint(4)
        data_offset = reader.sint(4) if flags & DATA_OFFSET else None
        first_flags = reader.uint(4) if flags & FIRST_SAMPLE_FLAGS else None
        present = [bit for bit in COLUMNS if flags & bit]
        columns: dict[int, Array] = {}
        if present:
            rows = reader.array(">u4", count * len(present)).reshape(count, len(present))
            columns = {bit: rows[:, place] for place, bit in enumerate(present)}
        offsets = columns.get(COLUMNS[3])
        if offsets is not None and version == 1:
            columns[COLUMNS[3]] = offsets.astype(">i4")
        return cls(
            count,
            data_offset,
            first_flags,
            *(columns.get(bit) for bit in COLUMNS),
            version=version,
            flags=flags & ~(DATA_OFFSET | FIRST_SAMPLE_FLAGS | sum(COLUMNS)),
        )
