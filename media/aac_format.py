"""What comes out of an AAC decoder, read from its AudioSpecificConfig (ISO/IEC 14496-3 §1.6).

HE-AAC doubles the sample rate of its AAC-LC core (SBR), HE-AAC v2 makes two channels of one on top (PS). A
configuration can say so in three ways (§1.6.5), and a packager must know what the decoder makes of each:

- *hierarchical*: object type 5 or 29 in front, the core's behind it;
- *backward-compatible*: the core in front, a sync extension behind it that old decoders do not look at;
- *implicit*: nothing; the decoder finds the SBR data in the access units. `SignalledSbr.UNTOLD` means that this may be so.

xHE-AAC (object type 42) has a configuration of another shape, UsacConfig (ISO/IEC 23003-3 §5.2).

    >>> read_aac_format(bytes.fromhex("1390 56e5 a0"))   # AAC-LC at 22050 Hz, and SBR to 44100
    AacFormat(codec='mp4a.40.5', sample_rate=44100, channels=2, samples_per_unit=2048, sbr=<SignalledSbr.BACKWARD…>)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from media.codecs import AAC_LC, AAC_LTP, AAC_MAIN, CHANNELS, SAMPLE_RATES, Bits
from media.errors import FormatError

SBR, PS, USAC = 5, 29, 42  # object types, ISO/IEC 14496-3 table 1.17
HIGHEST_IMPLICIT_CORE = 24000  # Hz; §1.6.5.3: above it, SBR does not double the rate
_ESCAPED_TYPE, _ESCAPED_RATE = 31, 15
_SBR_SYNC, _PS_SYNC = 0x2B7, 0x548  # §1.6.2.1, syncExtensionType

# ISO/IEC 23003-3 table 70: samples that one access unit gives, by coreSbrFrameLengthIndex.
_USAC_UNIT = (768, 1024, 2048, 2048, 4096)
# ISO/IEC 23003-3 table 67: usacSamplingFrequencyIndex goes on where AAC's table ends.
_USAC_RATES = {
    **dict(enumerate(SAMPLE_RATES)),
    **dict(enumerate((57600, 51200, 40000, 38400, 34150, 28800, 25600, 20000, 19200, 17075, 14400, 12800, 9600), 15)),
}  # fmt: skip
_USAC_ESCAPED_RATE = 31


class SignalledSbr(Enum):
    """How the configuration tells of SBR."""

    UNTOLD = "not told"
    NONE = "none"  # told that there is none, or nothing that SBR could go with
    BACKWARD = "explicit, backward-compatible"
    HIERARCHICAL = "explicit, hierarchical"


@dataclass(frozen=True, slots=True)
class AacFormat:
    """`sample_rate` in Hz, `channels` and `samples_per_unit` are those of the decoder's output, SBR and PS applied."""

    codec: str
    sample_rate: int
    channels: int
    samples_per_unit: int
    sbr: SignalledSbr


def read_aac_format(config: bytes) -> AacFormat:
    """Read a configuration. Raises `FormatError` for one that is cut off, reserved, or of a kind that we do not carry."""
    bits = Bits(config)
    kind, rate, layout = _object_type(bits), _rate(bits), bits.take(4)
    if kind == USAC:
        return _usac(bits)
    parametric, sbr_rate, sbr = kind == PS, 0, SignalledSbr.UNTOLD
    if kind in (SBR, PS):
        sbr, sbr_rate, kind = SignalledSbr.HIERARCHICAL, _rate(bits), _object_type(bits)
    if not AAC_MAIN <= kind <= AAC_LTP:
        raise FormatError(f"AudioSpecificConfig: object type {kind} is not supported")
    if layout not in CHANNELS:
        raise FormatError(f"AudioSpecificConfig: channel configuration {layout} is not supported")
    unit = 960 if bits.take(1) else 1024  # §4.4.1 GASpecificConfig, frameLengthFlag
    if bits.take(1):  # dependsOnCoreCoder
        raise FormatError("AudioSpecificConfig: a layer of scalable AAC is not supported")
    bits.take(1)  # extensionFlag: nothing follows it for these object types
    if sbr is SignalledSbr.UNTOLD:
        sbr, sbr_rate, parametric = _extension(bits)
    if sbr is SignalledSbr.UNTOLD and (kind != AAC_LC or rate > HIGHEST_IMPLICIT_CORE):
        sbr = SignalledSbr.NONE
    if sbr_rate not in (0, rate, 2 * rate):
        raise FormatError(f"AudioSpecificConfig: SBR from {rate} to {sbr_rate} Hz")
    channels = CHANNELS[layout]
    if parametric and channels != 1:
        raise FormatError(f"AudioSpecificConfig: parametric stereo over {channels} channels")
    return AacFormat(
        codec=f"mp4a.40.{PS if parametric else SBR if sbr_rate else kind}",
        sample_rate=sbr_rate or rate,
        channels=2 if parametric else channels,
        samples_per_unit=unit * (sbr_rate or rate) // rate,
        sbr=sbr,
    )


def backward_compatible(config: bytes, *, parametric: bool) -> bytes:
    """An AAC-LC configuration that leaves SBR untold, made to tell it: what is implicit becomes explicit.

    Of the two explicit ways the backward-compatible one, as DASH-IF asks (IOP §6.3.2): players that know nothing
    but AAC-LC play the core.
    """
    rate = 2 * read_aac_format(config).sample_rate
    # Object type, index, perhaps a rate, channels, three flags: exactly two or five bytes.
    size = 5 if int.from_bytes(config[:2], "big") >> 7 & 15 == _ESCAPED_RATE else 2
    extension, length = int.from_bytes(config[:size], "big") << 11 | _SBR_SYNC, 8 * size + 11
    fields = [(SBR, 5), (1, 1)]  # extensionAudioObjectType, sbrPresentFlag
    fields += [(SAMPLE_RATES.index(rate), 4)] if rate in SAMPLE_RATES else [(_ESCAPED_RATE, 4), (rate, 24)]
    fields += [(_PS_SYNC, 11), (1, 1)] if parametric else []
    for value, width in fields:
        extension, length = extension << width | value, length + width
    padding = -length % 8
    return (extension << padding).to_bytes((length + padding) // 8, "big")


def _extension(bits: Bits) -> tuple[SignalledSbr, int, bool]:
    """§1.6.2.1, behind the core's configuration: how SBR is told, to which rate, and whether there is PS."""
    if bits.left < 16 or bits.take(11) != _SBR_SYNC or _object_type(bits) != SBR:
        return SignalledSbr.UNTOLD, 0, False
    if not bits.take(1):
        return SignalledSbr.NONE, 0, False
    rate = _rate(bits)
    parametric = bits.left >= 12 and bits.take(11) == _PS_SYNC and bits.take(1) == 1
    return SignalledSbr.BACKWARD, rate, parametric


def _usac(bits: Bits) -> AacFormat:
    """UsacConfig: it has a rate and a layout of its own, and those hold (ISO/IEC 23003-3 §6.1.1.1)."""
    index = bits.take(5)
    rate = bits.take(24) if index == _USAC_ESCAPED_RATE else _USAC_RATES.get(index, 0)
    frame, layout = bits.take(3), bits.take(5)
    if not rate or frame >= len(_USAC_UNIT):
        raise FormatError(
            f"UsacConfig: sampling frequency index {index}, frame length index {frame}: reserved"
        )
    channels = CHANNELS.get(layout, 0)
    if not channels:
        raise FormatError(f"UsacConfig: channel configuration {layout} is not supported")
    return AacFormat(f"mp4a.40.{USAC}", rate, channels, _USAC_UNIT[frame], SignalledSbr.NONE)


def _object_type(bits: Bits) -> int:
    kind = bits.take(5)
    return 32 + bits.take(6) if kind == _ESCAPED_TYPE else kind


def _rate(bits: Bits) -> int:
    index = bits.take(4)
    rate = bits.take(24) if index == _ESCAPED_RATE else dict(enumerate(SAMPLE_RATES)).get(index, 0)
    if not rate:
        raise FormatError(f"AudioSpecificConfig: sampling frequency index {index} is reserved")
    return rate
