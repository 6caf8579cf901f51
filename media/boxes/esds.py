"""`esds`, Elementary Stream Descriptor (ISO/IEC 14496-14 §6.7.2) with the descriptors of ISO/IEC 14496-1 §7.2.6.

    esds
    └── ES_Descriptor (tag 3): ES_ID, flags and priority
        ├── DecoderConfigDescriptor (4): object type, stream type, buffer, bit rates
        │   └── DecoderSpecificInfo (5): the AudioSpecificConfig
        └── SLConfigDescriptor (6): always 2, "MP4"

A descriptor's length is written in groups of seven bits, as few as will do; files by other hands use four groups.
Dependencies, URLs and clock references of an ES_Descriptor, which MP4 files do not use, are skipped and not kept.
"""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader

ES, DECODER_CONFIG, DECODER_SPECIFIC, SL_CONFIG = 3, 4, 5, 6
AUDIO_STREAM = 5  # ISO/IEC 14496-1 Table 6
MPEG4_AUDIO = 0x40  # ISO/IEC 14496-1 Table 5, and the "40" in "mp4a.40.2"


@box
class EsdsBox(FullBox):
    """`config` is the decoder's own configuration; `buffer_size` in bytes, rates in bit/s."""

    TYPE: ClassVar[bytes] = b"esds"

    config: bytes
    object_type: int = MPEG4_AUDIO
    stream_type: int = AUDIO_STREAM
    buffer_size: int = 0
    max_bitrate: int = 0
    avg_bitrate: int = 0
    es_id: int = 0

    def fields(self) -> bytes:
        decoder = struct.pack(
            ">BB3sII",
            self.object_type,
            self.stream_type << 2 | 1,  # not upstream; the lowest bit is reserved and set
            self.buffer_size.to_bytes(3, "big"),
            self.max_bitrate,
            self.avg_bitrate,
        )
        specific = _descriptor(DECODER_SPECIFIC, self.config)
        return _descriptor(
            ES,
            struct.pack(">HB", self.es_id, 0)
            + _descriptor(DECODER_CONFIG, decoder + specific)
            + _descriptor(SL_CONFIG, b"\x02"),
        )

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        es = _inside(reader, ES)
        es_id, bits = es.uint(2), es.uint(1)
        if bits & 0x80:  # streamDependenceFlag
            es.take(2)
        if bits & 0x40:  # URL_Flag
            es.take(es.uint(1))
        if bits & 0x20:  # OCRstreamFlag
            es.take(2)
        decoder = _inside(es, DECODER_CONFIG)
        object_type, stream = decoder.uint(1), decoder.uint(1)
        sizes = decoder.uint(3), decoder.uint(4), decoder.uint(4)
        config = _inside(decoder, DECODER_SPECIFIC).rest() if decoder.remaining else b""
        return cls(config, object_type, stream >> 2, *sizes, es_id, version=version, flags=flags)


def _descriptor(tag: int, payload: bytes) -> bytes:
    """§8.3.3: sizes in groups of seven bits, the high bit saying that another follows."""
    size = len(payload)
    groups = [size & 0x7F]
    while size := size >> 7:
        groups.append(size & 0x7F | 0x80)
    return bytes((tag, *reversed(groups))) + payload


def _inside(reader: Reader, tag: int) -> Reader:
    """A cursor over the next descriptor, which must be of that tag."""
    if (found := reader.uint(1)) != tag:
        raise reader.fail(f"descriptor {tag} expected, {found} found")
    size = 0
    for _ in range(4):
        group = reader.uint(1)
        size = size << 7 | group & 0x7F
        if group < 0x80:
            break
    return reader.inside(size, f"descriptor {tag}")
