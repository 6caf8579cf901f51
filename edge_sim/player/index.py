"""The index of a file that holds a whole rendition (`sidx`, ISO/IEC 14496-12 §8.16.3), as far as a start needs it."""

from __future__ import annotations

from edge_sim.player.connection import ByteRange
from media.boxes import SidxBox, parse, places
from media.errors import FormatError


def first_subsegment(index: bytes, there: ByteRange) -> ByteRange:
    """Where the first segment lies in the file, told by `index`, its bytes `there`. Raises `FormatError`.

    Distances are counted from the first byte after the box.
    """
    starts = [*places(index), len(index)]
    for number, box in enumerate(parse(index)):
        if not isinstance(box, SidxBox):
            continue
        if not len(box.references):
            raise FormatError("index: sidx without a segment")
        reference = int(box.references[0][0])
        if reference >> 31 or not reference:
            raise FormatError("index: sidx of other indexes or of nothing; one of segments is expected")
        return ByteRange(there.first + starts[number + 1] + box.first_offset, reference & 0x7FFFFFFF)
    raise FormatError("index: no sidx box in it")
