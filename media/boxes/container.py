"""Boxes that hold boxes: one mechanism for plain containers (``moov``, ``traf``…) and for counted ones (``stsd``, ``dref``)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Self, TypeVar

from media.boxes.base import Box, FullBox, box, read_boxes
from media.boxes.reader import Reader
from media.errors import BoxError

B = TypeVar("B", bound=Box)


def find_all(boxes: tuple[Box, ...] | list[Box], kind: type[B]) -> Iterator[B]:
    """The boxes of class `kind` among `boxes`, in order."""
    return (item for item in boxes if isinstance(item, kind))


class Parent:
    """Finding children by their class."""

    __slots__ = ()
    children: tuple[Box, ...]

    def find(self, kind: type[B]) -> B | None:
        """The first child of class `kind`."""
        return next(find_all(self.children, kind), None)

    def all(self, kind: type[B]) -> list[B]:
        return list(find_all(self.children, kind))

    def get(self, kind: type[B]) -> B:
        """The first child of class `kind`; raises `BoxError` when there is none."""
        found = self.find(kind)
        if found is None:
            mine = getattr(type(self), "TYPE", b"").decode("ascii", "backslashreplace")
            raise BoxError(mine, 0, f"holds no {kind.TYPE.decode('ascii')} box")
        return found


@box
class ContainerBox(Parent, Box):
    """A box whose body is boxes and nothing else."""

    children: tuple[Box, ...]

    def body(self) -> bytes:
        return b"".join(child.to_bytes() for child in self.children)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        return cls(tuple(read_boxes(reader)))


@box
class CountedContainerBox(Parent, FullBox):
    """A full box whose body is a count and that many boxes."""

    children: tuple[Box, ...]

    def fields(self) -> bytes:
        count = struct.pack(">I", len(self.children))
        return b"".join((count, *(child.to_bytes() for child in self.children)))

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        count = reader.uint(4)
        children = tuple(read_boxes(reader))
        if count != len(children):
            raise reader.fail(f"{count} entries claimed, {len(children)} are there")
        return cls(children, version=version, flags=flags)
