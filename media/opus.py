"""Opus: its header (RFC 7845 §5.1) and how long a packet lasts (RFC 6716 §3.1). Times in samples at 48 kHz, always."""

from __future__ import annotations

import struct

from media.boxes import DopsBox, parse
from media.boxes.base import header
from media.errors import FormatError

RATE = 48000  # Hz: whatever goes in, this comes out
LONGEST_PACKET = 5760  # samples, 120 ms
PREROLL = 3840  # samples, 80 ms: how long a decoder needs to converge (RFC 7845 §4.6)

_MAGIC = b"OpusHead"
_SILK, _HYBRID, _CELT = (480, 960, 1920, 2880), (480, 960), (120, 240, 480, 960)


def read_head(packet: bytes) -> DopsBox:
    """The header as Ogg and Matroska carry it. Raises `FormatError`."""
    if len(packet) < 19 or not packet.startswith(_MAGIC) or packet[8] >> 4:
        raise FormatError("OpusHead: no Opus header of version 1")
    channels, pre_skip, rate, gain, family = struct.unpack("<BHIhB", packet[9:19])
    return _checked(channels, pre_skip, rate, gain, family, packet[19:] if family else b"")


def read_config(config: bytes) -> DopsBox:
    """The header as ISO BMFF carries it, which is `Encoded.config`: the body of ``dOps``. Raises `FormatError`."""
    (box,) = parse(header(b"dOps", len(config)) + config)
    assert isinstance(box, DopsBox)
    fields = box.channels, box.pre_skip, box.input_sample_rate, box.output_gain
    return _checked(*fields, box.mapping_family, box.mapping)


def _checked(channels: int, pre_skip: int, rate: int, gain: int, family: int, mapping: bytes) -> DopsBox:
    if family > 1:
        raise FormatError(f"OpusHead: channel mapping family {family} is not supported")
    if not 1 <= channels <= (8 if family else 2):
        raise FormatError(f"OpusHead: {channels} channels with mapping family {family}")
    if family and len(mapping) < 2 + channels:
        raise FormatError("OpusHead: the channel mapping table is cut off")
    return DopsBox(channels, pre_skip, rate, gain, family, mapping[: 2 + channels] if family else b"")


def packet_samples(packet: bytes | memoryview) -> int:
    """How long a packet lasts. Raises `FormatError` for one that is empty or lasts more than 120 ms."""
    if not packet:
        raise FormatError("an Opus packet without a byte")
    mode, code = packet[0] >> 3, packet[0] & 3
    frame = _SILK[mode & 3] if mode < 12 else _HYBRID[mode & 1] if mode < 16 else _CELT[mode & 3]
    if code == 3 and len(packet) < 2:
        raise FormatError("an Opus packet that ends before its count of frames")
    samples = frame * (packet[1] & 0x3F if code == 3 else 2 if code else 1)
    if not 0 < samples <= LONGEST_PACKET:
        raise FormatError(f"an Opus packet of {samples} samples")
    return samples
