"""What a decoder must be told before the first AAC access unit, and what a manifest calls it.

AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1) goes into the ``esds`` box of an init segment; the RFC 6381 string
goes into ``CODECS=`` of HLS and ``codecs=`` of DASH. Both say the same thing, so both come from one value:

    >>> config = AudioSpecificConfig(object_type=AAC_LC, sample_rate=44100, channels=2)
    >>> config.to_bytes().hex(), config.codec
    ('1210', 'mp4a.40.2')
"""

from __future__ import annotations

from dataclasses import dataclass

from media.errors import FormatError

# ISO/IEC 14496-3 table 1.18; the index is what ADTS and AudioSpecificConfig carry.
SAMPLE_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
# ISO/IEC 14496-3 table 1.19: channels by channelConfiguration; 0 would mean a program_config_element.
CHANNELS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8}

AAC_MAIN, AAC_LC, AAC_SSR, AAC_LTP = 1, 2, 3, 4  # table 1.17; the four that ADTS can name
SAMPLES_PER_UNIT = 1024  # frameLengthFlag 0

_ESCAPED_RATE = 15


@dataclass(frozen=True, slots=True)
class AudioSpecificConfig:
    """A general-audio decoder configuration with frames of 1024 samples. `sample_rate` in Hz, `channels` 1 to 6 or 8."""

    object_type: int
    sample_rate: int
    channels: int

    def __post_init__(self) -> None:
        if not AAC_MAIN <= self.object_type <= AAC_LTP:
            raise FormatError(
                f"AudioSpecificConfig: object type {self.object_type} is not AAC Main, LC, SSR or LTP"
            )
        if not 0 < self.sample_rate < 1 << 24:
            raise FormatError(f"AudioSpecificConfig: a sample rate of {self.sample_rate} Hz has no code")
        if self.channels not in CHANNELS.values():
            raise FormatError(f"AudioSpecificConfig: {self.channels} channels have no channelConfiguration")

    @property
    def codec(self) -> str:
        """RFC 6381 §3.3: ``mp4a``, the object type indication of MPEG-4 audio in hex, the audio object type."""
        return f"mp4a.40.{self.object_type}"

    def to_bytes(self) -> bytes:
        """Two bytes, or five when the rate is not one of `SAMPLE_RATES`."""
        configuration = next(code for code, count in CHANNELS.items() if count == self.channels)
        bits = self.object_type
        if self.sample_rate in SAMPLE_RATES:
            bits = bits << 4 | SAMPLE_RATES.index(self.sample_rate)
            length = 2
        else:
            bits = (bits << 4 | _ESCAPED_RATE) << 24 | self.sample_rate
            length = 5
        # GASpecificConfig (§4.4.1): frameLengthFlag, dependsOnCoreCoder and extensionFlag are all 0.
        return ((bits << 4 | configuration) << 3).to_bytes(length, "big")

    @classmethod
    def from_bytes(cls, data: bytes) -> AudioSpecificConfig:
        """Read a configuration; what follows it (an SBR sync extension) is left alone. Raises `FormatError`."""
        bits = Bits(data)
        object_type = bits.take(5)
        index = bits.take(4)
        if index == _ESCAPED_RATE:
            sample_rate = bits.take(24)
        elif index < len(SAMPLE_RATES):
            sample_rate = SAMPLE_RATES[index]
        else:
            raise FormatError(f"AudioSpecificConfig: sampling frequency index {index} is reserved")
        configuration = bits.take(4)
        if configuration not in CHANNELS:
            raise FormatError(f"AudioSpecificConfig: channel configuration {configuration} is not supported")
        config = cls(object_type, sample_rate, CHANNELS[configuration])
        if bits.take(3):
            raise FormatError(
                "AudioSpecificConfig: only frames of 1024 samples without extensions are supported"
            )
        return config


class Bits:
    """Reads big-endian bit fields off the front of a few bytes; `left` are those not read yet."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count: int) -> int:
        if count > self.left:
            raise FormatError("AudioSpecificConfig: it ends in the middle of a field")
        self.left -= count
        return self._value >> self.left & (1 << count) - 1
