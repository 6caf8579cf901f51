"""Ogg (RFC 3533): pages in, packets of one logical stream out.

A packet is cut into pieces of 255 bytes and one shorter; a page holds up to 255 pieces and says, as its granule position,
where the sound is at the end of the last packet that it completes. Every page's checksum and number are looked at: what
comes out is the stream whole, or an error.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy

from media.crc import CRC32
from media.errors import FormatError

_HEADER = 27  # bytes, and one for each piece
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_NO_PACKET_ENDS = -1


@dataclass(frozen=True, slots=True)
class PageEnd:
    """A page that completes packets: how many there are up to here, and its granule position."""

    packets: int
    granule: int


@dataclass(frozen=True, slots=True)
class OggStream:
    """`ends` are the pages on which a packet ends, in order; `closed` when the last page says that it is the last."""

    packets: list[bytes]
    ends: list[PageEnd]
    closed: bool


def parse(data: bytes) -> OggStream:
    """Take a file of one logical stream apart. Raises `FormatError` with the number and the offset of the page."""
    packets: list[bytes] = []
    ends: list[PageEnd] = []
    starts: list[int] = []
    sizes: list[int] = []
    pieces: list[memoryview] = []  # of the packet that goes on on the next page
    serial = flags = offset = 0
    view = memoryview(data)
    while offset < len(data):
        place = f"Ogg page {len(starts)} at byte {offset}"
        if len(data) - offset < _HEADER or data[offset : offset + 5] != b"OggS\0":
            raise FormatError(f"{place}: no page header")
        flags, granule, owner, number = struct.unpack_from("<BqII", data, offset + 5)
        lacing = data[offset + _HEADER : offset + _HEADER + data[offset + 26]]
        start = offset + _HEADER + data[offset + 26]
        stop = start + sum(lacing)
        if stop > len(data):
            raise FormatError(f"{place}: {stop - offset} bytes promised, {len(data) - offset} left")
        if not starts:
            serial = owner
        if owner != serial or bool(flags & _FIRST) != (not starts):
            raise FormatError(
                f"{place}: another stream begins; chained and multiplexed files are not supported"
            )
        if number != len(starts):
            raise FormatError(f"{place}: its number is {number}, pages are missing")
        if bool(flags & _CONTINUED) != bool(pieces):
            raise FormatError(f"{place}: a packet breaks off between two pages")
        starts.append(offset)
        sizes.append(stop - offset)
        before = len(packets)
        first = start
        for length in lacing:
            start += length
            if length < 255:
                packets.append(b"".join((*pieces, view[first:start])))
                pieces, first = [], start
        if first < stop:
            pieces.append(view[first:stop])
        if len(packets) > before:
            if granule == _NO_PACKET_ENDS:
                raise FormatError(f"{place}: packets end here, and no granule position tells when")
            ends.append(PageEnd(len(packets), granule))
        offset = stop
    _check_sums(data, starts, sizes)
    if pieces:
        raise FormatError(f"Ogg page {len(starts) - 1} at byte {starts[-1]}: the last packet has no end")
    return OggStream(packets, ends, bool(flags & _LAST))


def _check_sums(data: bytes, starts: list[int], sizes: list[int]) -> None:
    """Compare each page with its checksum, which is taken with its own four bytes as zeros."""
    if not starts:
        raise FormatError("Ogg: no pages")
    place = numpy.array(starts, dtype=numpy.int64)
    buffer = numpy.frombuffer(data, dtype=numpy.uint8).copy()
    own = place[:, None] + numpy.arange(22, 26)
    told = buffer[own].copy().view("<u4")[:, 0]
    buffer[own] = 0
    (wrong,) = numpy.nonzero(CRC32.each(buffer, place, numpy.array(sizes, dtype=numpy.int64)) != told)
    if len(wrong):
        raise FormatError(f"Ogg page {wrong[0]} at byte {starts[wrong[0]]}: its checksum is wrong")
