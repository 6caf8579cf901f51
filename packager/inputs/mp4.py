"""MP4, M4A and CMAF (ISO/IEC 14496-12): the one sound track of a file, plain or fragmented, and its programme on it.

**Where the programme lies** is told by the edit list: it begins at `media_time` and lasts `segment_duration`. Most writers
count the latter in milliseconds; where it agrees with the samples' own durations to less than such a tick, these are
right. An empty edit in front is a delay against a picture, of no meaning here. Without an edit list, Opus has its
pre-skip, and AAC what iTunes writes (`itunes`).
"""

from __future__ import annotations

from itertools import islice

from media import opus
from media.access_units import Encoded
from media.boxes import (
    Box,
    DflaBox,
    DopsBox,
    Edit,
    EdtsBox,
    ElstBox,
    EncaBox,
    EsdsBox,
    FlacBox,
    HdlrBox,
    MdhdBox,
    MdiaBox,
    MinfBox,
    MoofBox,
    MoovBox,
    Mp4aBox,
    MvexBox,
    MvhdBox,
    OpusBox,
    StblBox,
    StsdBox,
    TkhdBox,
    TrakBox,
    TrexBox,
    find_all,
    parse,
    places,
)
from media.boxes.base import type_name
from media.boxes.locate import placed, places_of
from media.errors import BoxError, FormatError
from media.flac import StreamInfo
from packager.inputs.aac import aac_codec
from packager.inputs.flac import flac_codec
from packager.inputs.itunes import Smpb, find_smpb
from packager.inputs.opus import opus_codec
from packager.inputs.sample_table import read_sample_table
from packager.inputs.samples import Samples, joined
from packager.inputs.track import Codec, encoded
from packager.inputs.track_runs import read_track_runs

# ISO/IEC 14496-1 table 5: MPEG-4 audio, and MPEG-2 AAC (Main, LC, SSR), which has the same configuration
_AAC = (0x40, 0x66, 0x67, 0x68)
# The same table, and what the registration authority added to it
_OTHER_OBJECTS = {0x69: "MP3", 0x6B: "MP3", 0xA5: "AC-3", 0xA6: "E-AC-3", 0xA9: "DTS", 0xDD: "Vorbis"}
_NO_BROWSER = {
    b"alac": "Apple Lossless",
    b".mp3": "MP3",
    b"ac-3": "AC-3",
    b"ec-3": "E-AC-3",
    b"ac-4": "AC-4",
    b"dtsc": "DTS",
    b"samr": "AMR",
    b"lpcm": "PCM",
    b"in24": "PCM",
    b"in32": "PCM",
    b"fl32": "PCM",
    b"fl64": "PCM",
    b"raw ": "PCM",
    b"ulaw": "PCM by the μ-law",
    b"alaw": "PCM by the A-law",
    b"sowt": "PCM",
    b"twos": "PCM",
    b"ipcm": "PCM",
    b"fpcm": "PCM",
}


def read_mp4(data: bytes, name: str) -> Encoded:
    """Raises `FormatError`."""
    boxes = parse(data)
    moov = next(find_all(boxes, MoovBox), None)
    if moov is None:
        raise BoxError("file", 0, "holds no moov box: media segments need their init segment in front")
    at = 0
    try:
        trak = _sound_track(moov)
        at = _place(data, moov, trak)
        return _read(data, name, boxes, moov, trak)
    except BoxError as error:
        raise placed(error, data, at) from None


def _place(data: bytes, moov: MoovBox, trak: TrakBox) -> int:
    """Where the track's box begins."""
    number = next(number for number, other in enumerate(moov.all(TrakBox)) if other is trak)
    return next(islice(places_of(data, "moov/trak"), number, None))


def _read(data: bytes, name: str, boxes: list[Box], moov: MoovBox, trak: TrakBox) -> Encoded:
    stbl = trak.get(MdiaBox).get(MinfBox).get(StblBox)
    samples = joined([read_sample_table(data, stbl), *_fragments(data, boxes, moov, trak)])
    codec, held, untold = _codec(stbl.get(StsdBox), samples)
    timescale = trak.get(MdiaBox).get(MdhdBox).timescale
    if not timescale:
        raise BoxError("moov/trak/mdia/mdhd", 0, "a timescale of 0")
    _check_durations(samples, codec, timescale)
    smpb = find_smpb(moov) if codec.name.startswith("mp4a") else None
    there = min(held, _rescaled(samples.ticks, timescale, codec.sample_rate))
    priming, length = _programme(trak, moov.get(MvhdBox).timescale, timescale, codec, there, smpb, untold)
    return encoded(name, codec, samples.payload, samples.sizes, priming=priming, samples=length)


def _sound_track(moov: MoovBox) -> TrakBox:
    tracks = [trak for trak in moov.all(TrakBox) if trak.get(MdiaBox).get(HdlrBox).handler_type == b"soun"]
    if len(tracks) != 1:
        raise FormatError(f"one sound track expected, {len(tracks)} found")
    return tracks[0]


def _fragments(data: bytes, boxes: list[Box], moov: MoovBox, trak: TrakBox) -> list[Samples]:
    if next(find_all(boxes, MoofBox), None) is None:
        return []
    track_id = trak.get(TkhdBox).track_id
    defaults = [trex for trex in moov.get(MvexBox).all(TrexBox) if trex.track_id == track_id]
    if not defaults:
        raise BoxError("moov/mvex", 0, f"no trex for track {track_id}")
    return [read_track_runs(data, boxes, places(data), track_id, defaults[0])]


def _codec(stsd: StsdBox, samples: Samples) -> tuple[Codec, int, int]:
    """The codec, how many samples the access units hold, and the priming that holds unless an edit list tells."""
    if len(stsd.children) != 1:
        raise BoxError("stsd", 0, f"one sample entry expected, {len(stsd.children)} found")
    entry = stsd.children[0]
    if isinstance(entry, Mp4aBox):
        esds = entry.get(EsdsBox)
        if esds.object_type not in _AAC:
            known = _OTHER_OBJECTS.get(esds.object_type, "not AAC")
            raise FormatError(
                f"mp4a.{esds.object_type:02x}: {known}; no browser plays it in MP4, encode it anew"
            )
        codec = aac_codec(esds.config, samples.payload, samples.sizes)
        return codec, len(samples.sizes) * codec.samples_per_unit, 0
    if isinstance(entry, OpusBox):
        head = opus.read_config(entry.get(DopsBox).body())
        return *opus_codec(head, samples.payload, samples.sizes), head.pre_skip
    if isinstance(entry, FlacBox):
        info = StreamInfo.from_bytes(entry.get(DflaBox).stream_info)
        return *flac_codec(info, samples.payload, samples.sizes), 0
    if isinstance(entry, EncaBox):
        raise FormatError("enca: it is encrypted already; package the clear file")
    kind = type_name(entry.type)
    known = _NO_BROWSER.get(entry.type, "a sample entry that is not known")
    raise FormatError(f"{kind}: {known}; no browser plays it in MP4, encode it anew")


def _check_durations(samples: Samples, codec: Codec, timescale: int) -> None:
    """Each sample but the last lasts one access unit, to a tick: other times would be lost without a word."""
    runs = [(count, ticks) for count, ticks in samples.durations if count]
    if runs:
        count, ticks = runs.pop()
        runs += [(count - 1, ticks)] if count > 1 else []
    for _, ticks in runs:
        if abs(ticks * codec.sample_rate - codec.samples_per_unit * timescale) >= codec.sample_rate:
            raise BoxError(
                "moov/trak/mdia/minf/stbl/stts",
                0,
                f"{ticks} ticks of 1/{timescale} s are not {codec.samples_per_unit} samples at {codec.sample_rate} Hz",
            )


def _programme(
    trak: TrakBox,
    movie_timescale: int,
    timescale: int,
    codec: Codec,
    there: int,
    smpb: Smpb | None,
    untold: int,
) -> tuple[int, int]:
    """Priming and length in samples, of the `there` that the track lasts."""
    edit = _edit(trak)
    if smpb is not None and (edit is None or not edit.media_time):
        return smpb.priming, smpb.samples
    if edit is None:
        return untold, there - untold
    priming = _rescaled(edit.media_time, timescale, codec.sample_rate)
    rest = there - priming
    told = edit.segment_duration * codec.sample_rate
    if not told or abs(told - rest * movie_timescale) < codec.sample_rate:
        return priming, rest
    return priming, _rescaled(edit.segment_duration, movie_timescale, codec.sample_rate)


def _edit(trak: TrakBox) -> Edit | None:
    edts = trak.find(EdtsBox)
    elst = None if edts is None else edts.find(ElstBox)
    edits = [edit for edit in ([] if elst is None else elst.entries) if edit.media_time != -1]
    if len(edits) > 1:
        raise BoxError("moov/trak/edts/elst", 0, f"one edit into the media expected, {len(edits)} found")
    if edits and (edits[0].media_time < 0 or edits[0][2:] != (1, 0)):
        raise BoxError("moov/trak/edts/elst", 0, "an edit before the media or not at its speed")
    return edits[0] if edits else None


def _rescaled(ticks: int, timescale: int, sample_rate: int) -> int:
    """Ticks in samples, to the nearest; 0 for a timescale of 0."""
    return (2 * ticks * sample_rate + timescale) // (2 * timescale) if timescale else 0
