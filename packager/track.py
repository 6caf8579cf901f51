"""The CMAF header of one rendition, ``init.mp4``: everything a decoder must know before the first sample.

Written and read here (ISO/IEC 23000-19 §7.3.2.1). Nothing in it depends on the clock or the machine: times of creation
are 0, and the same rendition always gives the same bytes.

**Gapless.** The encoder puts `priming` inaudible samples first and fills the last access unit up. The edit list shows
exactly what lies between: it starts at ``media_time = priming`` and lasts `samples`. The movie's timescale is the sample
rate, so that both numbers are samples. ``mehd`` tells the same length to players that look there. The roll group says
that one unit before the wanted one must be decoded too (ISO/IEC 14496-12 §10.1), as AAC overlaps its blocks.

**Brands.** ``cmf2`` beside ``cmfc``: fragments repeat the sample defaults. ``caac``: the AAC core media profile
(ISO/IEC 23000-19 §10.3.1), up to two channels and 48 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import numpy

from media.access_units import AccessUnits
from media.boxes import (
    Box,
    BtrtBox,
    DinfBox,
    DrefBox,
    Edit,
    EdtsBox,
    ElstBox,
    EncaBox,
    EsdsBox,
    FrmaBox,
    FtypBox,
    HdlrBox,
    MdhdBox,
    MdiaBox,
    MehdBox,
    MinfBox,
    MoovBox,
    Mp4aBox,
    MvexBox,
    MvhdBox,
    SchiBox,
    SchmBox,
    SgpdBox,
    SinfBox,
    SmhdBox,
    StblBox,
    StcoBox,
    StscBox,
    StsdBox,
    StszBox,
    SttsBox,
    TencBox,
    TkhdBox,
    TrakBox,
    TrexBox,
    UrlBox,
    find_all,
    parse,
)
from media.errors import BoxError

TRACK_ID = 1
# ISO/IEC 14496-12 §8.8.3.1: sample_depends_on = 2 (on no other), and not a non-sync sample.
INDEPENDENT = 0x02000000
CENC_IV_SIZE = 8
_ENABLED_IN_MOVIE_AND_PREVIEW = 7
_IN_THIS_FILE = 1
_NO_ROWS = numpy.empty(0, dtype=">u4")


@dataclass(frozen=True, slots=True)
class Init:
    """What a CMAF header says. Times in `timescale` ticks; `samples` is the length of the edit, 0 when untold.

    `scheme` is ``none``, ``cenc`` or ``cbcs``; `constant_iv` is empty where every sample brings its own.
    """

    codec: str
    config: bytes
    sample_rate: int
    channels: int
    timescale: int
    media_time: int
    samples: int
    samples_per_unit: int
    scheme: str = "none"
    kid: UUID | None = None
    constant_iv: bytes = b""
    max_bitrate: int = 0
    avg_bitrate: int = 0

    @property
    def iv_size(self) -> int:
        """Bytes of IV that each sample brings along in ``senc``."""
        return CENC_IV_SIZE if self.scheme == "cenc" else 0


def bitrates(units: AccessUnits, sample_rate: int) -> tuple[int, int]:
    """The largest bit rate over any second, and the mean, in bit/s (ISO/IEC 14496-1 §7.2.6.6.2)."""
    window = max(1, min(len(units), -(-sample_rate // units.samples_per_unit)))
    largest = int((units.offsets[window:] - units.offsets[:-window]).max(initial=0))
    bits_per_byte_and_unit = 8 * sample_rate / units.samples_per_unit
    mean = int(units.offsets[-1]) / max(1, len(units))
    return round(largest / window * bits_per_byte_and_unit), round(mean * bits_per_byte_and_unit)


def write_init(init: Init, protection: tuple[Box, ...] = ()) -> bytes:
    """The header's bytes; `protection` holds the ``pssh`` boxes that go with it."""
    brands = [b"iso6", b"cmfc", b"cmf2"]
    if init.codec == "mp4a.40.2" and init.sample_rate <= 48000 and init.channels <= 2:
        brands.append(b"caac")
    moov = MoovBox(
        (
            MvhdBox(init.timescale, 0, TRACK_ID + 1),
            _track(init),
            MvexBox(
                (
                    MehdBox(init.samples, version=1),
                    TrexBox(TRACK_ID, sample_duration=init.samples_per_unit, sample_flags=INDEPENDENT),
                )
            ),
            *protection,
        )
    )
    return FtypBox(b"iso6", 0, tuple(brands)).to_bytes() + moov.to_bytes()


def _track(init: Init) -> TrakBox:
    media_information = MinfBox(
        (
            SmhdBox(),
            DinfBox((DrefBox((UrlBox(flags=_IN_THIS_FILE),)),)),
            StblBox(
                (
                    StsdBox((_sample_entry(init),)),
                    SttsBox(_NO_ROWS),
                    StscBox(_NO_ROWS),
                    StszBox(0, 0, _NO_ROWS),
                    StcoBox(_NO_ROWS),
                    SgpdBox(b"roll", ((-1).to_bytes(2, "big", signed=True),)),
                )
            ),
        )
    )
    return TrakBox(
        (
            TkhdBox(TRACK_ID, 0, volume=0x100, flags=_ENABLED_IN_MOVIE_AND_PREVIEW),
            EdtsBox((ElstBox((Edit(init.samples, init.media_time),), version=1),)),
            MdiaBox((MdhdBox(init.timescale, 0), HdlrBox(b"soun", b"Tonearm"), media_information)),
        )
    )


def _sample_entry(init: Init) -> Box:
    # 16.16 holds no rate above 65535 Hz; the decoder's configuration has the last word anyway.
    rate = init.sample_rate << 16 if init.sample_rate < 1 << 16 else 0
    buffer_size = 768 * init.channels  # ISO/IEC 14496-3 §4.5.3.1: 6144 bits for each channel
    rates = (buffer_size, init.max_bitrate, init.avg_bitrate)
    children: tuple[Box, ...] = (
        EsdsBox(
            init.config, buffer_size=buffer_size, max_bitrate=init.max_bitrate, avg_bitrate=init.avg_bitrate
        ),
        BtrtBox(*rates),
    )
    if init.scheme == "none":
        return Mp4aBox(init.channels, rate, children)
    assert init.kid is not None
    # ISO/IEC 23001-7 §10.4: cbcs needs tenc version 1; audio has no pattern and is encrypted whole.
    tenc = TencBox(init.kid.bytes, init.iv_size, init.constant_iv, version=1 if init.scheme == "cbcs" else 0)
    sinf = SinfBox((FrmaBox(b"mp4a"), SchmBox(init.scheme.encode()), SchiBox((tenc,))))
    return EncaBox(init.channels, rate, (*children, sinf))


def read_init(data: bytes) -> Init:
    """Read a CMAF header of one AAC track, ours or another's. Raises `BoxError`."""
    moov = next(find_all(parse(data), MoovBox), None)
    if moov is None:
        raise BoxError("file", 0, "holds no moov box: not an init segment")
    trak = moov.get(TrakBox)
    mdia = trak.get(MdiaBox)
    entry = _read_entry(mdia.get(MinfBox).get(StblBox).get(StsdBox))
    esds = entry.get(EsdsBox)
    timescale = mdia.get(MdhdBox).timescale
    edit = _read_edit(trak)
    scheme, tenc = _read_scheme(entry)
    return Init(
        codec=f"mp4a.{esds.object_type:02x}" + (f".{esds.config[0] >> 3}" if esds.config else ""),
        config=esds.config,
        sample_rate=entry.sample_rate >> 16 or timescale,
        channels=entry.channels,
        timescale=timescale,
        media_time=edit.media_time,
        samples=edit.segment_duration,
        samples_per_unit=moov.get(MvexBox).get(TrexBox).sample_duration,
        scheme=scheme,
        kid=None if tenc is None else UUID(bytes=tenc.kid),
        constant_iv=b"" if tenc is None else tenc.constant_iv,
        max_bitrate=esds.max_bitrate,
        avg_bitrate=esds.avg_bitrate,
    )


def _read_entry(stsd: StsdBox) -> Mp4aBox | EncaBox:
    if len(stsd.children) != 1 or not isinstance(stsd.children[0], Mp4aBox | EncaBox):
        kinds = ", ".join(entry.type.decode("ascii", "backslashreplace") for entry in stsd.children)
        raise BoxError("stsd", 0, f"one entry mp4a or enca expected, found: {kinds or 'none'}")
    return stsd.children[0]


def _read_edit(trak: TrakBox) -> Edit:
    edts = trak.find(EdtsBox)
    if edts is None:
        return Edit(0, 0)
    entries = edts.get(ElstBox).entries
    if len(entries) != 1 or entries[0].media_time < 0:
        raise BoxError("elst", 0, "one edit into the media expected (ISO/IEC 23000-19 §7.5.13)")
    return entries[0]


def _read_scheme(entry: Mp4aBox | EncaBox) -> tuple[str, TencBox | None]:
    if isinstance(entry, Mp4aBox):
        return "none", None
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
