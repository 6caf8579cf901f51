"""FLAC (RFC 9639): the stream's description and the headers of its frames. Nothing is decoded here."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from media.crc import CRC8
from media.errors import FormatError

STREAMINFO = 0
STREAMINFO_SIZE = 34
LONGEST_HEADER = 16  # bytes of a frame header with everything in it

_LAST_BLOCK = 0x80
# RFC 9639 table 14, without the two codes that put the size behind the header
_BLOCK_SIZES = {
    1: 192,
    **{code: 144 << code for code in range(2, 6)},
    **{code: 1 << code for code in range(8, 16)},
}


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """§8.2. Block sizes in samples, frame sizes in bytes (0: not told), `samples` per channel (0: not told)."""

    smallest_block: int
    largest_block: int
    smallest_frame: int
    largest_frame: int
    sample_rate: int
    channels: int
    bits: int
    samples: int
    md5: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> StreamInfo:
        """Read the block's body. Raises `FormatError`."""
        if len(data) != STREAMINFO_SIZE:
            raise FormatError(f"STREAMINFO: {len(data)} bytes instead of {STREAMINFO_SIZE}")
        smallest, largest = struct.unpack(">HH", data[:4])
        rest = int.from_bytes(data[10:18], "big")
        info = cls(
            smallest,
            largest,
            int.from_bytes(data[4:7], "big"),
            int.from_bytes(data[7:10], "big"),
            rest >> 44,
            (rest >> 41 & 7) + 1,
            (rest >> 36 & 31) + 1,
            rest & (1 << 36) - 1,
            data[18:],
        )
        if not info.sample_rate or info.largest_block < 16 or info.smallest_block > info.largest_block:
            raise FormatError(
                f"STREAMINFO: {info.sample_rate} Hz, blocks of {info.smallest_block} to {info.largest_block}"
            )
        return info

    def to_bytes(self) -> bytes:
        rest = self.sample_rate << 44 | self.channels - 1 << 41 | self.bits - 1 << 36 | self.samples
        return b"".join(
            (
                struct.pack(">HH", self.smallest_block, self.largest_block),
                self.smallest_frame.to_bytes(3, "big"),
                self.largest_frame.to_bytes(3, "big"),
                rest.to_bytes(8, "big"),
                self.md5,
            )
        )

    def config(self) -> bytes:
        """The decoder configuration of a container: this as the one metadata block (what ``dfLa`` holds)."""
        return bytes((_LAST_BLOCK | STREAMINFO, 0, 0, STREAMINFO_SIZE)) + self.to_bytes()


def read_config(config: bytes) -> StreamInfo:
    """STREAMINFO out of a decoder configuration. Raises `FormatError`."""
    if len(config) < 4 or config[0] & 0x7F != STREAMINFO:
        raise FormatError("dfLa: the first metadata block is not STREAMINFO")
    return StreamInfo.from_bytes(config[4 : 4 + int.from_bytes(config[1:4], "big")])


class FrameHeader(NamedTuple):
    """§9.1. `number` counts frames, or samples when `variable`; `block_size` in samples."""

    variable: bool
    block_size: int
    number: int

    @property
    def place(self) -> tuple[bool, int]:
        """What tells the frames of one stream apart."""
        return self.variable, self.number

    @property
    def next_place(self) -> tuple[bool, int]:
        """The place of the frame behind this one."""
        return self.variable, self.number + (self.block_size if self.variable else 1)


def read_frame_header(head: bytes, channels: int) -> FrameHeader | None:
    """The header at the front of `head`, of which `LONGEST_HEADER` bytes are enough; ``None`` when there is none.

    Told from chance by the sync code, the reserved bits and CRC-8; a header of other `channels` is none.
    """
    if len(head) < 6 or head[0] != 0xFF or head[1] & 0xFE != 0xF8:
        return None
    code, assignment = head[2] >> 4, head[3] >> 4
    if assignment != channels - 1 and not (channels == 2 and 8 <= assignment <= 10):
        return None
    # §9.1.5: the frame's number, coded as UTF-8 would, up to 36 bits
    more = 8 - (head[4] ^ 0xFF).bit_length()
    if code == 0 or head[2] & 15 == 15 or head[3] & 1 or more in (1, 8):
        return None
    size = max(1, more)
    number = head[4] & (0x7F >> more)
    for byte in head[5 : 4 + size]:
        if byte >> 6 != 2:
            return None
        number = number << 6 | byte & 0x3F
    place = 4 + size
    wide = {6: 1, 7: 2}.get(code, 0)
    block = int.from_bytes(head[place : place + wide], "big") + 1 if wide else _BLOCK_SIZES[code]
    place += wide + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    if place >= len(head) or CRC8(head[: place + 1]):
        return None
    return FrameHeader(bool(head[1] & 1), block, number)
