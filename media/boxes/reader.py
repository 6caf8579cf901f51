"""A bounded cursor over the bytes of one box: nothing is ever read, or allocated, that is not there.

Every count and length in a file is a claim. The cursor compares it with the bytes at hand before it makes
anything of that size, and complains with the path of the box, the byte in the file and the reason.
"""

from __future__ import annotations

from typing import Any

import numpy
import numpy.typing as npt

from media.errors import BoxError

Array = npt.NDArray[Any]


class Reader:
    """Reads ``data[position:stop]``; `path` is like ``moov/trak/tkhd``; `depth` counts the boxes around it."""

    __slots__ = ("data", "depth", "path", "position", "stop")

    def __init__(self, data: memoryview, position: int, stop: int, path: str, depth: int) -> None:
        self.data = data
        self.position = position
        self.stop = stop
        self.path = path
        self.depth = depth

    @property
    def remaining(self) -> int:
        return self.stop - self.position

    def fail(self, reason: str) -> BoxError:
        """The error to raise for what is wrong at the cursor."""
        return BoxError(self.path or "file", self.position, reason)

    def take(self, size: int) -> memoryview:
        """The next `size` bytes, without a copy."""
        if size > self.remaining:
            raise self.fail(f"{size} bytes expected, {self.remaining} are left")
        start = self.position
        self.position = start + size
        return self.data[start : self.position]

    def blob(self, size: int) -> bytes:
        return bytes(self.take(size))

    def rest(self) -> bytes:
        """Everything up to the end of the box."""
        return bytes(self.take(self.remaining))

    def uint(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def sint(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big", signed=True)

    def array(self, dtype: str, count: int, columns: int = 1) -> Array:
        """`count` rows of big-endian numbers, shape (count,) or (count, columns); a view, no copy.

        Checks the claim against the bytes that are there before anything is made of that size.
        """
        width = numpy.dtype(dtype).itemsize * columns
        if count * width > self.remaining:
            raise self.fail(f"{count} entries of {width} bytes claimed, {self.remaining} bytes are left")
        table = numpy.frombuffer(self.take(count * width), dtype=dtype)
        return table.reshape(count, columns) if columns > 1 else table

    def inside(self, size: int, name: str) -> Reader:
        """A cursor of its own over the next `size` bytes, which this one skips."""
        start = self.position
        self.take(size)
        return Reader(
            self.data, start, start + size, f"{self.path}/{name}" if self.path else name, self.depth + 1
        )

    def finish(self) -> None:
        """Raise when bytes are left over."""
        if self.remaining:
            raise self.fail(f"{self.remaining} bytes behind the last field")


def table(rows: Array, dtype: str) -> bytes:
    """A 32-bit count and the rows behind it: how most boxes write a table."""
    return len(rows).to_bytes(4, "big") + numpy.asarray(rows, dtype=dtype).tobytes()
