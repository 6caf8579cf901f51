"""The sample entry of a CMAF header: which decoder, how it is set up, and whether its samples are protected.

Three kinds: ``mp4a`` with ``esds`` (ISO/IEC 14496-14 §6.7), ``Opus`` with ``dOps``, ``fLaC`` with ``dfLa``. A protected one is called
``enca``, and ``frma`` keeps its name (ISO/IEC 14496-12 §8.12). `Init.config` is what the decoder is told: the
AudioSpecificConfig, the body of ``dOps``, the metadata blocks of ``dfLa``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from media import flac, opus
from media.aac_format import read_aac_format
from media.boxes import (
    Box,
    BtrtBox,
    DflaBox,
    DopsBox,
    EncaBox,
    EsdsBox,
    FlacBox,
    FrmaBox,
    MetadataBlock,
    Mp4aBox,
    OpusBox,
    SchiBox,
    SchmBox,
    SinfBox,
    StsdBox,
    TencBox,
)
from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import type_name
from media.boxes.esds import MPEG4_AUDIO
from media.errors import BoxError, FormatError

if TYPE_CHECKING:
    from packager.track import Init

CENC_IV_SIZE = 8
AAC, OPUS, FLAC = "mp4a", "opus", "fLaC"  # how RFC 6381 strings begin
_HIGHEST = (1 << 16) - 1  # Hz that 16.16 holds
_KINDS = (Mp4aBox, OpusBox, FlacBox)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a sample entry says; `tenc` where it is protected. Rates in bit/s are 0 when untold."""

    codec: str
    config: bytes
    sample_rate: int
    channels: int
    scheme: str
    tenc: TencBox | None
    max_bitrate: int
    avg_bitrate: int


def roll_distance(codec: str, samples_per_unit: int) -> int:
    """How many units to decode before the wanted one, as a negative number (ISO/IEC 14496-12 §10.1); 0 for none."""
    if codec == FLAC:
        return 0
    return -opus.PREROLL // samples_per_unit if codec == OPUS else -1


def write_entry(init: Init) -> Box:
    """The sample entry of `init`."""
    kind, rate, bits, children = _described(init)
    if init.scheme == "none":
        return kind(init.channels, rate << 16, children, bits)
    assert init.kid is not None
    # ISO/IEC 23001-7 §10.4: cbcs needs tenc version 1; audio has no pattern and is encrypted whole.
    tenc = TencBox(init.kid.bytes, init.iv_size, init.constant_iv, version=1 if init.scheme == "cbcs" else 0)
    sinf = SinfBox((FrmaBox(kind.TYPE), SchmBox(init.scheme.encode()), SchiBox((tenc,))))
    return EncaBox(init.channels, rate << 16, (*children, sinf), bits)


def _described(init: Init) -> tuple[type[AudioSampleEntry], int, int, tuple[Box, ...]]:
    """The kind of entry, its sample rate in Hz and sample size in bits, and the boxes that describe the decoder."""
    rates = init.max_bitrate, init.avg_bitrate
    if init.codec == OPUS:
        return OpusBox, opus.RATE, 16, (opus.read_config(init.config), BtrtBox(0, *rates))
    if init.codec == FLAC:
        info = flac.read_config(init.config)
        blocks = (MetadataBlock(flac.STREAMINFO, info.to_bytes()),)
        return FlacBox, _expressible(info.sample_rate), info.bits, (DflaBox(blocks), BtrtBox(0, *rates))
    buffer_size = 768 * init.channels  # ISO/IEC 14496-3 §4.5.3.1: 6144 bits for each channel
    esds = EsdsBox(init.config, buffer_size=buffer_size, max_bitrate=rates[0], avg_bitrate=rates[1])
    # The decoder's configuration has the last word on rates that the entry cannot hold.
    rate = init.sample_rate if init.sample_rate <= _HIGHEST else 0
    return Mp4aBox, rate, 16, (esds, BtrtBox(buffer_size, *rates))


def _expressible(rate: int) -> int:
    """Encapsulation of FLAC in ISO BMFF §3.3.1: the largest part of a rate that is too large, 48000 for 96000 and 192000."""
    parts = (rate // divisor for divisor in range(1, 17) if rate % divisor == 0)
    return next((part for part in parts if part <= _HIGHEST), _HIGHEST)


def read_entry(stsd: StsdBox, timescale: int) -> Entry:
    """The one entry of `stsd`. Raises `BoxError`."""
    entries = [entry for entry in stsd.children if isinstance(entry, (*_KINDS, EncaBox))]
    if len(stsd.children) != 1 or not entries:
        kinds = ", ".join(type_name(entry.type) for entry in stsd.children)
        raise BoxError("stsd", 0, f"one entry mp4a, Opus, fLaC or enca expected, found: {kinds or 'none'}")
    entry = entries[0]
    scheme, tenc = _read_scheme(entry) if isinstance(entry, EncaBox) else ("none", None)
    kind = entry.get(SinfBox).get(FrmaBox).data_format if isinstance(entry, EncaBox) else entry.type
    btrt = entry.find(BtrtBox)
    rates = (0, 0) if btrt is None else (btrt.max_bitrate, btrt.avg_bitrate)
    if kind == OpusBox.TYPE:
        config = entry.get(DopsBox).body()
        return Entry(OPUS, config, opus.RATE, entry.channels, scheme, tenc, *rates)
    if kind == FlacBox.TYPE:
        try:
            info = flac.StreamInfo.from_bytes(entry.get(DflaBox).stream_info)
        except FormatError as error:
            raise BoxError("dfLa", 0, str(error)) from None
        return Entry(FLAC, info.config(), info.sample_rate, info.channels, scheme, tenc, *rates)
    esds = entry.get(EsdsBox)
    rate = entry.sample_rate >> 16 or timescale
    rates = esds.max_bitrate, esds.avg_bitrate
    return Entry(_aac_name(esds), esds.config, rate, entry.channels, scheme, tenc, *rates)


def _aac_name(esds: EsdsBox) -> str:
    """RFC 6381 §3.3: the object type indication in hex and, for MPEG-4 audio, the audio object type.

    What the configuration's reader refuses is named by its first five bits: a reader of headers is no judge of them.
    """
    if esds.object_type != MPEG4_AUDIO or not esds.config:
        return f"{AAC}.{esds.object_type:02x}"
    try:
        return read_aac_format(esds.config).codec
    except FormatError:
        return f"{AAC}.{esds.object_type:02x}.{esds.config[0] >> 3}"


def _read_scheme(entry: EncaBox) -> tuple[str, TencBox]:
    sinf = entry.get(SinfBox)
    scheme, tenc = sinf.get(SchmBox).scheme_type, sinf.get(SchiBox).get(TencBox)
    if scheme not in (b"cenc", b"cbcs"):
        raise BoxError("schm", 0, f"scheme {scheme!r} is neither cenc nor cbcs")
    if scheme == b"cenc" and (tenc.iv_size != CENC_IV_SIZE or not tenc.protected):
        raise BoxError("tenc", 0, f"cenc with IVs of {tenc.iv_size} bytes, not {CENC_IV_SIZE}")
    if scheme == b"cbcs" and (
        len(tenc.constant_iv) != 16 or not tenc.protected or tenc.crypt_blocks or tenc.skip_blocks
    ):
        raise BoxError("tenc", 0, "cbcs audio without a 16-byte constant IV, or with a pattern")
    return scheme.decode(), tenc
