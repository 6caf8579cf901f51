"""Where a box stands that was found wrong only when it was made sense of.

A box is a value and does not know its place. What is wrong with its fields alone `parse` says with the place; what is wrong
between boxes is known later, by type, and looked up here: headers are walked once more, on the way to an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import class_for, over, read_header
from media.boxes.container import ContainerBox, CountedContainerBox
from media.boxes.reader import Reader
from media.errors import BoxError

P = ParamSpec("P")
T = TypeVar("T")
# Bytes in front of the boxes in a box
_HEADS = ((ContainerBox, 0), (CountedContainerBox, 8), (AudioSampleEntry, 28))


def placed(error: BoxError, data: bytes, start: int = 0) -> BoxError:
    """`error` with a place: that of the box of its path, the first from byte `start` on if there are several.

    As it is where it has one already.
    """
    if error.offset or error.path == "file":
        return error
    places = list(places_of(data, error.path)) or [start]
    offset = next((place for place in places if place >= start), places[0])
    return BoxError(error.path, offset, error.reason)


def placing(read: Callable[Concatenate[bytes, P], T]) -> Callable[Concatenate[bytes, P], T]:
    """Make a reader of a whole file say the place of every box it finds wrong."""

    @wraps(read)
    def reader(data: bytes, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(data, *args, **kwargs)
        except BoxError as error:
            raise placed(error, data) from None

    return reader


def places_of(data: bytes, path: str) -> Iterator[int]:
    """Where the boxes are whose own path ends as `path` does, in order. `data` is known to parse."""
    return (place for place, found in _walk(over(data)) if f"/{found}".endswith(f"/{path}"))


def _walk(reader: Reader) -> Iterator[tuple[int, str]]:
    while reader.remaining:
        place = reader.position
        kind, inside = read_header(reader)
        yield place, inside.path
        known = class_for(kind, inside)
        head = next((size for each, size in _HEADS if known is not None and issubclass(known, each)), None)
        if head is not None and head <= inside.remaining:
            inside.take(head)
            yield from _walk(inside)
