"""`udta`, User Data (ISO/IEC 14496-12 §8.10.1): everybody's room, of which only `ludt` is looked into.

What others keep here need not be boxes to its end: QuickTime closes it with four zero bytes, and a tag that is broken must not
cost the song. So all but `ludt` is kept as it is, and from where there is no box any more, as `rest`.
"""

from __future__ import annotations

from typing import ClassVar, Self

from media.boxes.base import Box, UnknownBox, box, read_header
from media.boxes.container import Parent
from media.boxes.ludt import LudtBox
from media.boxes.reader import Reader
from media.errors import BoxError


@box
class UdtaBox(Parent, Box):
    TYPE: ClassVar[bytes] = b"udta"

    children: tuple[Box, ...]
    rest: bytes = b""

    def body(self) -> bytes:
        return b"".join((*(child.to_bytes() for child in self.children), self.rest))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        children: list[Box] = []
        while reader.remaining:
            start = reader.position
            try:
                kind, inside = read_header(reader)
            except BoxError:
                reader.position = start
                break
            if kind == LudtBox.TYPE:
                children.append(LudtBox.read(inside))
            else:
                children.append(UnknownBox(bytes(reader.data[start : reader.position])))
        return cls(tuple(children), reader.rest())
