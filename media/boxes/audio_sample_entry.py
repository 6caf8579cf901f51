"""`AudioSampleEntry` (ISO/IEC 14496-12 §12.2.3): what ``mp4a``, ``Opus``, ``fLaC`` and ``enca`` share."""

from __future__ import annotations

import struct
from typing import Self

from media.boxes.base import Box, box, read_boxes
from media.boxes.container import Parent
from media.boxes.reader import Reader


@box
class AudioSampleEntry(Parent, Box):
    """`sample_rate` is 16.16, `sample_size` in bits."""

    channels: int
    sample_rate: int
    children: tuple[Box, ...]
    sample_size: int = 16
    data_reference_index: int = 1

    def body(self) -> bytes:
        head = struct.pack(
            ">6xH8xHH4xI",
            self.data_reference_index,
            self.channels,
            self.sample_size,
            self.sample_rate,
        )
        return b"".join((head, *(child.to_bytes() for child in self.children)))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        reader.take(6)
        index = reader.uint(2)
        if reader.uint(
            2
        ):  # QuickTime's sound descriptions 1 and 2 put more fields between here and the boxes
            raise reader.fail("a sound description of a version other than 0")
        reader.take(6)
        channels, size = reader.uint(2), reader.uint(2)
        reader.take(4)
        rate = reader.uint(4)
        return cls(channels, rate, cls.read_children(reader), size, index)

    @classmethod
    def read_children(cls, reader: Reader) -> tuple[Box, ...]:
        """The boxes behind the fields."""
        return tuple(read_boxes(reader))
