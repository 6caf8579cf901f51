"""The CMAF header of one rendition, ``init.mp4``: everything a decoder must know before the first sample.

Written and read here (ISO/IEC 23000-19 §7.3.2.1). Nothing in it depends on the clock or the machine: times of creation
are 0, and the same rendition always gives the same bytes.

**Gapless.** The encoder puts `priming` inaudible samples first and fills the last access unit up. The edit list shows
exactly what lies between: it starts at ``media_time = priming`` and lasts `samples`. The movie's timescale is the sample
rate, so that both numbers are samples. ``mehd`` tells the same length to players that look there. The roll group says
how many units before the wanted one must be decoded too (ISO/IEC 14496-12 §10.1): one of AAC, which overlaps its blocks,
80 ms of Opus, none of FLAC.

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
    DinfBox,
    DrefBox,
    Edit,
    EdtsBox,
    ElstBox,
    FtypBox,
    HdlrBox,
    LudtBox,
    MdhdBox,
    MdiaBox,
    MehdBox,
    MinfBox,
    MoovBox,
    MvexBox,
    MvhdBox,
    SgpdBox,
    SmhdBox,
    StblBox,
    StcoBox,
    StscBox,
    StsdBox,
    StszBox,
    SttsBox,
    TkhdBox,
    TrakBox,
    TrexBox,
    UdtaBox,
    UrlBox,
    find_all,
    parse,
)
from media.boxes.locate import placing
from media.errors import BoxError
from media.presentation import Loudness
from packager.loudness_box import loudness_box
from packager.sample_entry import CENC_IV_SIZE, read_entry, roll_distance, write_entry

TRACK_ID = 1
# ISO/IEC 14496-12 §8.8.3.1: sample_depends_on = 2 (on no other), and not a non-sync sample.
INDEPENDENT = 0x02000000
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


def write_init(init: Init, protection: tuple[Box, ...] = (), loudness: Loudness | None = None) -> bytes:
    """The header's bytes; `protection` holds the ``pssh`` boxes that go with it, `loudness` is told in ``ludt`` where known."""
    brands = [b"iso6", b"cmfc", b"cmf2"]
    if init.codec == "mp4a.40.2" and init.sample_rate <= 48000 and init.channels <= 2:
        brands.append(b"caac")
    moov = MoovBox(
        (
            MvhdBox(init.timescale, 0, TRACK_ID + 1),
            _track(init, loudness_box(loudness) if loudness else None),
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


def _track(init: Init, loudness: LudtBox | None) -> TrakBox:
    media_information = MinfBox(
        (
            SmhdBox(),
            DinfBox((DrefBox((UrlBox(flags=_IN_THIS_FILE),)),)),
            StblBox(
                (
                    StsdBox((write_entry(init),)),
                    SttsBox(_NO_ROWS),
                    StscBox(_NO_ROWS),
                    StszBox(0, 0, _NO_ROWS),
                    StcoBox(_NO_ROWS),
                    *_roll_group(init),
                )
            ),
        )
    )
    return TrakBox(
        (
            TkhdBox(TRACK_ID, 0, volume=0x100, flags=_ENABLED_IN_MOVIE_AND_PREVIEW),
            EdtsBox((ElstBox((Edit(init.samples, init.media_time),), version=1),)),
            MdiaBox((MdhdBox(init.timescale, 0), HdlrBox(b"soun", b"Tonearm"), media_information)),
            *((UdtaBox((loudness,)),) if loudness else ()),
        )
    )


def _roll_group(init: Init) -> tuple[SgpdBox, ...]:
    distance = roll_distance(init.codec, init.samples_per_unit)
    return (SgpdBox(b"roll", (distance.to_bytes(2, "big", signed=True),)),) if distance else ()


@placing
def read_init(data: bytes) -> Init:
    """Read a CMAF header of one sound track, ours or another's. Raises `BoxError`."""
    moov = next(find_all(parse(data), MoovBox), None)
    if moov is None:
        raise BoxError("file", 0, "holds no moov box: not an init segment")
    trak = moov.get(TrakBox)
    mdia = trak.get(MdiaBox)
    timescale = mdia.get(MdhdBox).timescale
    entry = read_entry(mdia.get(MinfBox).get(StblBox).get(StsdBox), timescale)
    edit = _read_edit(trak)
    return Init(
        codec=entry.codec,
        config=entry.config,
        sample_rate=entry.sample_rate,
        channels=entry.channels,
        timescale=timescale,
        media_time=edit.media_time,
        samples=edit.segment_duration,
        samples_per_unit=moov.get(MvexBox).get(TrexBox).sample_duration,
        scheme=entry.scheme,
        kid=None if entry.tenc is None else UUID(bytes=entry.tenc.kid),
        constant_iv=b"" if entry.tenc is None else entry.tenc.constant_iv,
        max_bitrate=entry.max_bitrate,
        avg_bitrate=entry.avg_bitrate,
    )


def _read_edit(trak: TrakBox) -> Edit:
    edts = trak.find(EdtsBox)
    if edts is None:
        return Edit(0, 0)
    entries = edts.get(ElstBox).entries
    if len(entries) != 1 or entries[0].media_time < 0:
        raise BoxError("elst", 0, "one edit into the media expected (ISO/IEC 23000-19 §7.5.13)")
    return entries[0]
