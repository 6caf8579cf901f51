"""The boxes of a file, whatever it is: as far as they go, and where and why they end.

Other than `media.boxes.parse`, which takes a file whole or not at all, this walk keeps what it has. A box whose fields do not parse
is kept with the reason, and its neighbours follow; a size that cannot be true ends the walk. Containers that no class
knows are looked into where they hold nothing but boxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from media.boxes import AlacBox, Box, UdtaBox
from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import DEEPEST, class_for, over, read_header
from media.boxes.container import ContainerBox, CountedContainerBox
from media.boxes.reader import Reader
from media.errors import BoxError

B = TypeVar("B", bound=Box)

MOST_BOXES = 300_000  # in a file; ten hours in two-second fragments have 180,000

_COUNTED_HEAD = 8  # version, flags and a count
_ENTRY_HEAD = 28
_QUICKTIME_MORE = {1: 16, 2: 36}  # bytes that sound descriptions 1 and 2 put behind the head
# Containers without a class, or with one that keeps what is in them, and the bytes in front of their boxes. QuickTime's `meta` has none.
_OTHERS = {
    b"udta": (0,),
    b"meta": (4, 0),
    b"ilst": (0,),
    b"----": (0,),
    b"wave": (0,),
    b"mfra": (0,),
    b"strk": (0,),
    b"tref": (0,),
    b"gmhd": (0,),
    b"iprp": (0,),
}


@dataclass(slots=True)
class Node:
    """One box. `box` holds its own fields where a class knows it, without children; `inside` is its body."""

    kind: bytes
    offset: int
    size: int
    inside: memoryview
    box: Box | None = None
    children: list[Node] = field(default_factory=list)
    error: BoxError | None = None

    def find(self, wanted: type[B]) -> Iterator[B]:
        """The boxes of class `wanted` in here, at any depth."""
        if isinstance(self.box, wanted):
            yield self.box
        for child in self.children:
            yield from child.find(wanted)


def walk(data: bytes | memoryview) -> tuple[list[Node], BoxError | None]:
    """The tree of a file, and the first thing that is wrong with it."""
    tree: list[Node] = []
    state = _State(iter(range(MOST_BOXES)))
    _fill(over(data), tree, state)
    return tree, state.errors[0] if state.errors else None


@dataclass(slots=True)
class _State:
    """`budget` gives an item for each box that may still come."""

    budget: Iterator[int]
    errors: list[BoxError] = field(default_factory=list)


def _fill(reader: Reader, level: list[Node], state: _State) -> bool:
    """Put the boxes up to the end of `reader` into `level`. False when the walk has to end."""
    if reader.depth > DEEPEST:
        state.errors.append(reader.fail(f"boxes nested more than {DEEPEST} deep"))
        return False
    while reader.remaining:
        start, data = reader.position, reader.data
        if next(state.budget, None) is None:
            state.errors.append(reader.fail(f"more than {MOST_BOXES} boxes"))
            return False
        try:
            kind, inside = read_header(reader)
        except BoxError as error:
            claimed = int.from_bytes(data[start : min(start + 4, reader.stop)], "big")
            kind = bytes(data[start + 4 : min(start + 8, reader.stop)])
            level.append(Node(kind, start, claimed, data[start + len(kind) + 4 : reader.stop], error=error))
            state.errors.append(error)
            return False
        node = Node(kind, start, inside.stop - start, data[inside.position : inside.stop])
        level.append(node)
        try:
            going = _look_inside(node, inside, state)
        except BoxError as error:
            node.error, going = error, True
            state.errors.append(error)
        if not going:
            return False
    return True


def _look_inside(node: Node, inside: Reader, state: _State) -> bool:
    """The fields and the children of one box. Raises `BoxError` for its own fields."""
    known = class_for(node.kind, inside)
    if known is None or known is UdtaBox:
        _look_further(node, inside, state.budget)
        return True
    if issubclass(known, AudioSampleEntry):
        version = int.from_bytes(inside.data[inside.position + 8 : inside.position + 10], "big")
        if not version:
            stop = min(inside.position + _ENTRY_HEAD, inside.stop)
            node.box = known.read(Reader(inside.data, inside.position, stop, inside.path, inside.depth))
        inside.take(_ENTRY_HEAD + _QUICKTIME_MORE.get(version, 0))
        if issubclass(known, AlacBox):  # the box of the same type inside is no sample entry
            _opaque(node, inside)
            return True
        return _fill(inside, node.children, state)
    if issubclass(known, CountedContainerBox):
        node.box = known(())
        inside.take(_COUNTED_HEAD)
        return _fill(inside, node.children, state)
    if issubclass(known, ContainerBox):
        node.box = known(())
        return _fill(inside, node.children, state)
    node.box = known.read(inside)
    inside.finish()
    return True


def _look_further(node: Node, inside: Reader, budget: Iterator[int]) -> None:
    """The boxes in a box without a class, if they are nothing else."""
    in_tags = inside.path.split("/")[-2:-1] == ["ilst"]
    for head in (0,) if in_tags else _OTHERS.get(node.kind, ()):
        if head <= inside.remaining:
            body = Reader(inside.data, inside.position + head, inside.stop, inside.path, inside.depth)
            children: list[Node] = []
            attempt = _State(budget)
            if _fill(body, children, attempt) and not attempt.errors:
                node.children = children
                return


def _opaque(node: Node, inside: Reader) -> None:
    """The boxes in there, by type and size alone."""
    while inside.remaining:
        start = inside.position
        kind, body = read_header(inside)
        node.children.append(Node(kind, start, body.stop - start, inside.data[body.position : body.stop]))
