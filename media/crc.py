"""Cyclic redundancy checks as FLAC and Ogg use them: highest bit first, nothing inverted, starting at 0.

The standard library has none of the two, and a loop over bytes takes a second a megabyte. Where thousands of frames or
pages are to be checked, `each` runs over all of them at once: step *i* takes byte *i* of every one.

    >>> hex(CRC8(b"123456789")), hex(CRC16(b"123456789"))
    ('0xf4', '0xfee8')
"""

from __future__ import annotations

import numpy
import numpy.typing as npt

from media.access_units import Sizes

_FEW = 48  # runs; a step over fewer costs more than a loop over their bytes
Codes = npt.NDArray[numpy.uint32]


class Crc:
    """One check: `width` bits (8 to 32) and the generator polynomial without its highest term."""

    def __init__(self, width: int, polynomial: int) -> None:
        self.width = width
        self._mask = (1 << width) - 1
        self._table = [self._entry(byte, polynomial) for byte in range(256)]
        self._rows = numpy.array(self._table, dtype=numpy.uint32)

    def _entry(self, byte: int, polynomial: int) -> int:
        code = byte << self.width - 8
        for _ in range(8):
            code = code << 1 ^ (polynomial if code >> self.width - 1 else 0)
            code &= self._mask
        return code

    def __call__(self, data: bytes | memoryview, code: int = 0) -> int:
        """The code of a few bytes, behind others of `code`. Over data and its own code it is 0."""
        for byte in data:
            code = (code << 8 & self._mask) ^ self._table[code >> self.width - 8 ^ byte]
        return code

    def each(self, data: npt.NDArray[numpy.uint8], starts: Sizes, sizes: Sizes) -> Codes:
        """The codes of many runs of `data`, shape (n,): about half a second for 50,000 bytes, however many runs are as long."""
        order = numpy.argsort(-sizes, kind="stable")
        places, lengths = starts[order], sizes[order]
        codes = numpy.zeros(len(order), dtype=numpy.uint32)
        active, step = len(order), 0
        while True:
            while active and lengths[active - 1] <= step:
                active -= 1
            if active <= _FEW:
                break
            now = codes[:active]
            codes[:active] = (now << 8 & self._mask) ^ self._rows[
                now >> self.width - 8 ^ data[places[:active] + step]
            ]
            step += 1
        for row in range(active):
            rest = data[places[row] + step : places[row] + lengths[row]]
            codes[row] = self(rest.tobytes(), int(codes[row]))
        found = numpy.empty_like(codes)
        found[order] = codes
        return found


CRC8 = Crc(8, 0x07)  # RFC 9639 §9.1.8: behind a FLAC frame's header
CRC16 = Crc(16, 0x8005)  # RFC 9639 §9.3: behind a FLAC frame
CRC32 = Crc(32, 0x04C11DB7)  # RFC 3533 §6: in the header of an Ogg page
