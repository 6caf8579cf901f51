"""`dfLa`, FLAC Specific (Encapsulation of FLAC in ISO BMFF §3.3.2): the metadata blocks of a FLAC file."""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader

STREAMINFO = 0
_LAST = 0x80


class MetadataBlock(NamedTuple):
    """RFC 9639 §8.1: `kind` is 0 for STREAMINFO, which comes first; `data` without the header."""

    kind: int
    data: bytes


@box
class DflaBox(FullBox):
    TYPE: ClassVar[bytes] = b"dfLa"

    blocks: tuple[MetadataBlock, ...]

    @property
    def stream_info(self) -> bytes:
        """The body of STREAMINFO, 34 bytes when sound; empty when it is not the first block."""
        return self.blocks[0].data if self.blocks and self.blocks[0].kind == STREAMINFO else b""

    def fields(self) -> bytes:
        parts: list[bytes] = []
        for place, block in enumerate(self.blocks, start=1):
            last = _LAST if place == len(self.blocks) else 0
            parts += bytes((last | block.kind,)), len(block.data).to_bytes(3, "big"), block.data
        return b"".join(parts)

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        blocks = []
        while reader.remaining:
            head = reader.uint(1)
            blocks.append(MetadataBlock(head & 0x7F, reader.blob(reader.uint(3))))
            if (head & _LAST != 0) != (reader.remaining == 0):
                raise reader.fail("the last metadata block and the end of the box are not in one place")
        return cls(tuple(blocks), version=version, flags=flags)
