"""Boxes of the ISO base media file format (ISO/IEC 14496-12 §4.2): what they share and how they are found.

A box is a frozen value. ``to_bytes()`` writes it, `parse` reads a run of them, and two boxes are equal when
their bytes are. What no class here knows, and every version of a box that its class does not know, is kept byte
for byte as an `UnknownBox` (§4.2.2: unrecognised types and versions are ignored and skipped).

To add a box: one file named as the standard names it, one class under ``@box`` with ``TYPE``, ``body`` and
``read``, one line in ``media/boxes/__init__.py``, one strategy in ``tests/media/boxes/``.

Reading a box and writing it again gives the same bytes, except that reserved fields are written as the standard
prescribes and sizes in the shortest form.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, fields
from typing import ClassVar, Self, TypeVar, dataclass_transform

from media.boxes.reader import Reader
from media.errors import BoxError

# Ten levels are in use (moov/trak/mdia/minf/stbl/stsd/enca/sinf/schi/tenc); a file that nests deeper is an attack.
DEEPEST = 16

T = TypeVar("T", bound="Box")
_known: dict[bytes, type[Box]] = {}


@dataclass_transform(eq_default=False, frozen_default=True, field_specifiers=(field,))
def box(cls: type[T]) -> type[T]:
    """Make `cls` a frozen value with slots and let `parse` find it by its ``TYPE``."""
    made = dataclass(frozen=True, slots=True, eq=False, repr=False)(cls)
    if made.TYPE:
        _known[made.TYPE] = made
    return made


class Box:
    """§4.2.2 `Box`: a size, a four-character type, and a body that each class reads and writes itself."""

    __slots__ = ()
    TYPE: ClassVar[bytes] = b""

    @property
    def type(self) -> bytes:
        return self.TYPE

    def body(self) -> bytes:
        """The bytes behind the header."""
        raise NotImplementedError

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read the body. Raises `BoxError`; leaves the cursor behind the last field."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        body = self.body()
        return b"".join((header(self.TYPE, len(body)), body))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.to_bytes() == self.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        """One for all classes: generating sixty took a tenth of the command line's start."""
        told = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({told})"


@box
class FullBox(Box):
    """§4.2.2 `FullBox`: a box with a version and 24 flags in front; `VERSIONS` are those the class understands."""

    VERSIONS: ClassVar[tuple[int, ...]] = (0,)

    version: int = field(default=0, kw_only=True)
    flags: int = field(default=0, kw_only=True)

    def fields(self) -> bytes:
        """The bytes behind version and flags."""
        raise NotImplementedError

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        raise NotImplementedError

    def body(self) -> bytes:
        return b"".join((struct.pack(">I", self.version << 24 | self.flags), self.fields()))

    @classmethod
    def read(cls, reader: Reader) -> Self:
        word = reader.uint(4)
        return cls.read_fields(reader, word >> 24, word & 0xFFFFFF)


@dataclass(frozen=True, slots=True, eq=False)
class UnknownBox(Box):
    """A box kept as it was found, header included."""

    raw: bytes

    @property
    def type(self) -> bytes:
        return self.raw[4:8]

    def to_bytes(self) -> bytes:
        return self.raw


def header(kind: bytes, body_size: int) -> bytes:
    """§4.2.2: size and type; the 64-bit form only where 32 bits do not hold the size."""
    if body_size + 8 < 1 << 32:
        return struct.pack(">I4s", body_size + 8, kind)
    return struct.pack(">I4sQ", 1, kind, body_size + 16)


def parse(data: bytes | bytearray | memoryview) -> list[Box]:
    """Read a run of boxes, a whole file for example. Raises `BoxError` and nothing else."""
    return read_boxes(over(data))


def places(data: bytes | bytearray | memoryview) -> list[int]:
    """Where each box of a run starts, in bytes. Raises `BoxError`; looks at headers only."""
    reader, starts = over(data), []
    while reader.remaining:
        starts.append(reader.position)
        read_header(reader)
    return starts


def read_boxes(reader: Reader) -> list[Box]:
    """Boxes up to the end of `reader`."""
    if reader.depth > DEEPEST:
        raise reader.fail(f"boxes nested more than {DEEPEST} deep")
    boxes = []
    while reader.remaining:
        boxes.append(_read_box(reader))
    return boxes


def keep_boxes(reader: Reader) -> list[UnknownBox]:
    """Boxes up to the end of `reader`, each kept as it is, whatever its type."""
    boxes = []
    while reader.remaining:
        start = reader.position
        read_header(reader)
        boxes.append(UnknownBox(bytes(reader.data[start : reader.position])))
    return boxes


def over(data: bytes | bytearray | memoryview) -> Reader:
    """A cursor over a whole file."""
    view = memoryview(data).cast("B").toreadonly()
    return Reader(view, 0, len(view), "", 0)


def _read_box(reader: Reader) -> Box:
    start = reader.position
    kind, inside = read_header(reader)
    known = class_for(kind, inside)
    if known is None:
        return UnknownBox(bytes(reader.data[start : reader.position]))
    found = known.read(inside)
    inside.finish()
    return found


def read_header(reader: Reader) -> tuple[bytes, Reader]:
    """The type of the next box and a cursor over its body; `reader` goes on behind it."""
    start = reader.position
    size, kind = reader.uint(4), reader.blob(4)
    name = type_name(kind)
    if size == 1:  # §4.2.2 largesize
        size = reader.uint(8)
    elif size == 0 and reader.depth == 0:  # §4.2.2: up to the end of the file, for the last box only
        size = reader.stop - start
    if size < reader.position - start:
        raise BoxError(
            _join(reader.path, name), start, f"a size of {size} bytes does not hold its own header"
        )
    if size > reader.stop - start:
        raise BoxError(
            _join(reader.path, name), start, f"{size} bytes claimed, {reader.stop - start} are there"
        )
    return kind, reader.inside(start + size - reader.position, name)


def type_name(kind: bytes) -> str:
    """A box's type for people; what is not printable as an escape."""
    return "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in kind)


def class_for(kind: bytes, inside: Reader) -> type[Box] | None:
    """The class that reads a box of type `kind` and of the version that stands at the cursor, if there is one."""
    known = _known.get(kind)
    if known is None or not issubclass(known, FullBox) or not inside.remaining:
        return known
    return known if inside.data[inside.position] in known.VERSIONS else None


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
