"""`dOps`, Opus Specific (Encapsulation of Opus in ISO BMFF §4.3.2): the Ogg header's fields, in big-endian."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import Box, box
from media.boxes.reader import Reader


@box
class DopsBox(Box):
    """`pre_skip` in samples at 48 kHz, `input_sample_rate` in Hz, `output_gain` in 1/256 dB.

    `mapping` is the channel mapping table (RFC 7845 §5.1.1): stream count, coupled count and a byte for each channel;
    empty with family 0.
    """

    TYPE: ClassVar[bytes] = b"dOps"

    channels: int
    pre_skip: int
    input_sample_rate: int
    output_gain: int = 0
    mapping_family: int = 0
    mapping: bytes = b""
    version: int = 0

    def __post_init__(self) -> None:
        if len(self.mapping) != (2 + self.channels if self.mapping_family else 0):
            raise ValueError(
                "a channel mapping table goes with a family other than 0, a byte for each channel"
            )

    def body(self) -> bytes:
        head = struct.pack(
            ">BBHIhB",
            self.version,
            self.channels,
            self.pre_skip,
            self.input_sample_rate,
            self.output_gain,
            self.mapping_family,
        )
        return head + self.mapping

    @classmethod
    def read(cls, reader: Reader) -> Self:
        version = reader.uint(1)
        if version:
            raise reader.fail(f"version {version} of the Opus header is not known")
        channels, pre_skip, rate = reader.uint(1), reader.uint(2), reader.uint(4)
        gain, family = reader.sint(2), reader.uint(1)
        mapping = reader.blob(2 + channels) if family else b""
        return cls(channels, pre_skip, rate, gain, family, mapping, version)
