"""The fields of sample entries and decoder configurations."""

from __future__ import annotations

from media.aac_format import read_aac_format
from media.boxes import (
    AlacBox,
    BtrtBox,
    DflaBox,
    DopsBox,
    EncaBox,
    EsdsBox,
    FlacBox,
    Mp4aBox,
    OpusBox,
)
from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.esds import MPEG4_AUDIO
from media.errors import FormatError
from media.flac import StreamInfo
from media.opus import RATE
from packager.inspect.scope import Scope, says
from packager.inspect.values import Field, duration, field, rows, seconds

# ISO/IEC 14496-1 table 5
_OBJECT_TYPES = {
    0x40: "MPEG-4 audio",
    0x66: "MPEG-2 AAC Main",
    0x67: "MPEG-2 AAC LC",
    0x69: "MP3",
    0x6B: "MP3",
}
# RFC 9639 table 1
_METADATA = ("STREAMINFO", "PADDING", "APPLICATION", "SEEKTABLE", "VORBIS_COMMENT", "CUESHEET", "PICTURE")


@says(Mp4aBox, OpusBox, FlacBox, EncaBox, AlacBox)
def _entry(box: AudioSampleEntry, scope: Scope) -> list[Field]:
    return [
        field("channelcount", box.channels),
        field("samplerate", box.sample_rate / 65536, f"{box.sample_rate / 65536:,g} Hz"),
        field("samplesize", box.sample_size, f"{box.sample_size} bits"),
    ]


@says(EsdsBox)
def _esds(box: EsdsBox, scope: Scope) -> list[Field]:
    kind = _OBJECT_TYPES.get(box.object_type, "not AAC")
    fields = [field("objectTypeIndication", box.object_type, f"0x{box.object_type:02x} ({kind})")]
    if box.object_type == MPEG4_AUDIO:
        fields += _configuration(box.config)
    return [
        *fields,
        field("AudioSpecificConfig", box.config, box.config.hex() or "none"),
        *_rates(box.buffer_size, box.max_bitrate, box.avg_bitrate),
    ]


def _configuration(config: bytes) -> list[Field]:
    """What the configuration amounts to, as far as it can be read."""
    try:
        found = read_aac_format(config)
    except FormatError as error:
        return [field("codec", None, f"not understood: {error}")]
    about = (
        f"{found.sample_rate:,} Hz, {found.channels} ch, {found.samples_per_unit:,} samples an access unit"
    )
    return [
        field("codec", found.codec, f"{found.codec} ({about})"),
        field("SBR", found.sbr.value),
    ]


def _rates(buffer_size: int, largest: int, mean: int) -> list[Field]:
    return [
        field("bufferSizeDB", buffer_size, f"{buffer_size:,} bytes"),
        field("maxBitrate", largest, f"{largest:,} bit/s"),
        field("avgBitrate", mean, f"{mean:,} bit/s"),
    ]


@says(BtrtBox)
def _btrt(box: BtrtBox, scope: Scope) -> list[Field]:
    return _rates(box.buffer_size, box.max_bitrate, box.avg_bitrate)


@says(DopsBox)
def _dops(box: DopsBox, scope: Scope) -> list[Field]:
    return [
        field("OutputChannelCount", box.channels),
        field("PreSkip", box.pre_skip, f"{box.pre_skip:,} samples at 48 kHz ({seconds(box.pre_skip, RATE)})"),
        field("InputSampleRate", box.input_sample_rate, f"{box.input_sample_rate:,} Hz"),
        field("OutputGain", box.output_gain / 256, f"{box.output_gain / 256:g} dB"),
        field("ChannelMappingFamily", box.mapping_family),
        *([field("ChannelMapping", box.mapping)] if box.mapping else []),
    ]


@says(DflaBox)
def _dfla(box: DflaBox, scope: Scope) -> list[Field]:
    kinds = [
        _METADATA[block.kind] if block.kind < len(_METADATA) else str(block.kind) for block in box.blocks
    ]
    texts = [f"{kind} ({len(block.data):,} bytes)" for kind, block in zip(kinds, box.blocks, strict=True)]
    try:
        fields = stream_info(StreamInfo.from_bytes(box.stream_info))
    except FormatError as error:
        fields = [field("STREAMINFO", None, f"not understood: {error}")]
    return [rows("metadata_blocks", kinds, texts), *fields]


def stream_info(info: StreamInfo) -> list[Field]:
    """What STREAMINFO tells."""
    blocks = {info.smallest_block, info.largest_block}
    return [
        field("sample_rate", info.sample_rate, f"{info.sample_rate:,} Hz"),
        field("channels", info.channels),
        field("bits_per_sample", info.bits),
        field("block_size", sorted(blocks), " to ".join(f"{size:,}" for size in sorted(blocks)) + " samples"),
        duration("total_samples", info.samples, info.sample_rate, unit="samples"),
        field("md5", info.md5),
    ]
