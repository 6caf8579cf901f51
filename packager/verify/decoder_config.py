"""What a decoder is told before the first access unit, read from its configuration alone, whatever the codec."""

from __future__ import annotations

from dataclasses import dataclass

from media import flac, opus
from media.aac_format import read_aac_format
from packager.sample_entry import FLAC, OPUS


@dataclass(frozen=True, slots=True)
class DecoderConfig:
    """`samples_per_unit` is 0 and `priming` ``None`` where the configuration does not tell."""

    sample_rate: int
    channels: int
    samples_per_unit: int
    priming: int | None


def configured(codec: str, config: bytes) -> DecoderConfig:
    """`codec` and `config` as `Init` has them. Raises `FormatError` for a configuration that is none.

    Opus tells its priming (pre-skip, in 48 kHz samples; Encapsulation of Opus in ISO BMFF §4.3.2), FLAC the block size when
    all blocks but the last are alike, AAC the length of its frame.
    """
    if codec == OPUS:
        head = opus.read_config(config)
        return DecoderConfig(opus.RATE, head.channels, 0, head.pre_skip)
    if codec == FLAC:
        info = flac.read_config(config)
        fixed = info.largest_block if info.smallest_block == info.largest_block else 0
        return DecoderConfig(info.sample_rate, info.channels, fixed, 0)
    aac = read_aac_format(config)
    return DecoderConfig(aac.sample_rate, aac.channels, aac.samples_per_unit, None)
