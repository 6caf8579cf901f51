"""ADTS (ISO/IEC 14496-3 §1.A.2): a plain run of AAC frames, each behind a header of its own.

It is how the encoder hands its output over, chosen because it holds nothing else: no edit list, no time stamp, no
padding that a muxer may have thought helpful. What is read here are the access units; what they mean on the
timeline (priming, programme length) is known to the one who ran the encoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from media.access_units import AccessUnits
from media.codecs import CHANNELS, SAMPLE_RATES, SAMPLES_PER_UNIT, AudioSpecificConfig
from media.errors import FormatError

_HEADER = 7  # bytes; two more with a CRC
# Sync word, layer, profile, frequency index and channel configuration: what all frames of a stream share.
# The MPEG version, protection_absent, private and copyright bits, length and fullness may differ.
_FIXED = 0xFFF6_FDC0


@dataclass(frozen=True, slots=True, eq=False)
class Adts:
    """`config` is the AudioSpecificConfig of the stream, `codec` its RFC 6381 string."""

    units: AccessUnits
    config: bytes
    codec: str
    sample_rate: int
    channels: int


def parse(data: bytes) -> Adts:
    """Take a whole ADTS stream apart. Raises `FormatError` with the number and the offset of the frame."""
    first = 0
    config: AudioSpecificConfig | None = None
    payloads: list[memoryview] = []
    view, size, offset = memoryview(data), len(data), 0
    while offset < size:
        place = f"ADTS frame {len(payloads)} at byte {offset}"
        if size - offset < _HEADER:
            raise FormatError(f"{place}: {size - offset} bytes are no header")
        fixed = int.from_bytes(view[offset : offset + 4], "big")
        if fixed >> 20 != 0xFFF:
            raise FormatError(f"{place}: no sync word")
        if config is None:
            first, config = fixed, _config(fixed, place)
        elif (fixed ^ first) & _FIXED:
            raise FormatError(f"{place}: object type, sample rate or channels change within the stream")
        length = (data[offset + 3] & 3) << 11 | data[offset + 4] << 3 | data[offset + 5] >> 5
        header = _HEADER if fixed >> 16 & 1 else _HEADER + 2
        if data[offset + 6] & 3:
            raise FormatError(f"{place}: more than one raw data block in a frame is not supported")
        if length <= header:
            raise FormatError(f"{place}: a length of {length} bytes leaves no room for audio")
        if offset + length > size:
            raise FormatError(f"{place}: {length} bytes promised, {size - offset} left")
        payloads.append(view[offset + header : offset + length])
        offset += length
    if config is None:
        raise FormatError("ADTS: no frames")
    sizes = numpy.fromiter(map(len, payloads), dtype=numpy.int64, count=len(payloads))
    units = AccessUnits(b"".join(payloads), sizes, SAMPLES_PER_UNIT)
    return Adts(units, config.to_bytes(), config.codec, config.sample_rate, config.channels)


def _config(fixed: int, place: str) -> AudioSpecificConfig:
    """The AudioSpecificConfig that the first 32 bits of a header amount to."""
    if fixed >> 17 & 3:
        raise FormatError(f"{place}: layer {fixed >> 17 & 3} is MPEG audio of another kind")
    rate, channels = fixed >> 10 & 15, fixed >> 6 & 7
    if rate >= len(SAMPLE_RATES):
        raise FormatError(f"{place}: sampling frequency index {rate} is reserved")
    if channels not in CHANNELS:
        raise FormatError(f"{place}: channels described by a program_config_element are not supported")
    return AudioSpecificConfig((fixed >> 14 & 3) + 1, SAMPLE_RATES[rate], CHANNELS[channels])
