"""The index of a file that holds a whole rendition (`sidx`, ISO/IEC 14496-12 §8.16.3), as far as players need it."""

from __future__ import annotations

from edge_sim.player.connection import ByteRange
from media.boxes import SidxBox, parse, places
from media.errors import FormatError


def first_subsegment(index: bytes, there: ByteRange) -> ByteRange:
    """Where the first segment lies in the file, told by `index`, its bytes `there`. Raises `FormatError`."""
    return subsegments(index, there)[0][0]


def subsegments(index: bytes, there: ByteRange) -> tuple[list[ByteRange], list[int]]:
    """Where all segments lie, and when they end, in ms. Raises `FormatError`.

    Distances are counted from the first byte after the box.
    """
    starts = [*places(index), len(index)]
    for number, box in enumerate(parse(index)):
        if not isinstance(box, SidxBox):
            continue
        if not len(box.references):
            raise FormatError("index: sidx without a segment")
        first, time = there.first + starts[number + 1] + box.first_offset, 0
        parts, ends = [], []
        for reference, duration, _ in box.references.tolist():
            if reference >> 31 or not reference:
                raise FormatError("index: sidx of other indexes or of nothing; one of segments is expected")
            parts.append(ByteRange(first, reference))
            first, time = first + reference, time + duration
            ends.append(time * 1000 // box.timescale)
        return parts, ends
    raise FormatError("index: no sidx box in it")
