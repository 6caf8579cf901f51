"""What the boxes of a track must be, whatever anybody tells of it: ISO/IEC 14496-12, and CMAF's constraints on it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from media.aac_format import PS, SBR
from media.boxes import (
    DinfBox,
    DrefBox,
    EdtsBox,
    ElstBox,
    HdlrBox,
    MdhdBox,
    MdiaBox,
    MinfBox,
    MoovBox,
    MvexBox,
    SidxBox,
    SmhdBox,
    StblBox,
    StcoBox,
    StscBox,
    StszBox,
    SttsBox,
    TfhdBox,
    TkhdBox,
    TrafBox,
    TrakBox,
    TrexBox,
    TrunBox,
    UrlBox,
    find_all,
    parse,
)
from media.codecs import AAC_LC
from media.errors import FormatError
from packager.fragments import Init
from packager.sample_entry import AAC, OPUS
from packager.verify.book import Book, Violations
from packager.verify.evidence import Evidence, Fragment, Track

box_rules = Book("BOX", anywhere=True)
NOT_SYNC = 0x10000  # §8.8.3.1, sample_is_non_sync_sample
IN_THIS_FILE = 1
CORE_PROFILE = {f"mp4a.40.{kind}" for kind in (AAC_LC, SBR, PS)}
TOLERANCE = Fraction(1, 20)  # of a bit rate
SEGMENT_BRANDS = {b"cmfs", b"cmff", b"cmfl", b"msdh", b"msix"}


def _headed(evidence: Evidence) -> Iterator[tuple[Track, MoovBox]]:
    for track in evidence.tracks:
        if track.moov is not None:
            yield track, track.moov


@box_rules.rule(1, "ISO/IEC 14496-12 §8.3, §8.4.3, §8.4.5.3")
def it_is_one_track_of_sound(evidence: Evidence) -> Violations:
    """moov holds one track, whose handler is soun and whose media header is smhd."""
    for track, moov in _headed(evidence):
        traks = moov.all(TrakBox)
        handlers = [trak.get(MdiaBox).get(HdlrBox).handler_type for trak in traks]
        if handlers != [b"soun"]:
            yield (
                track.rendition.init,
                f"tracks of {', '.join(map(repr, handlers)) or 'nothing'}, one of sound expected",
            )
        elif traks[0].get(MdiaBox).get(MinfBox).find(SmhdBox) is None:
            yield track.rendition.init, "a track of sound without smhd"


@box_rules.rule(2, "ISO/IEC 23000-19 §7.3.2.1")
def the_header_holds_no_samples(evidence: Evidence) -> Violations:
    """The sample tables of the header are empty, and its media are in the same file: samples come in fragments."""
    for track, moov in _headed(evidence):
        minf = moov.get(TrakBox).get(MdiaBox).get(MinfBox)
        stbl = minf.get(StblBox)
        tables = stbl.get(SttsBox).entries, stbl.get(StscBox).entries, stbl.get(StcoBox).offsets
        if any(map(len, tables)) or stbl.get(StszBox).sample_count:
            yield track.rendition.init, "stts, stsc, stsz or stco has entries"
        references = minf.get(DinfBox).get(DrefBox).children
        if [isinstance(each, UrlBox) and each.flags == IN_THIS_FILE for each in references] != [True]:
            yield track.rendition.init, "dref names other files than its own"


@box_rules.rule(3, "ISO/IEC 14496-12 §8.8.3, §8.8.7")
def the_track_has_one_number(evidence: Evidence) -> Violations:
    """tkhd, trex and every tfhd name the same track_ID, which is not 0."""
    for track, moov in _headed(evidence):
        own = moov.get(TrakBox).get(TkhdBox).track_id
        if own == 0 or moov.get(MvexBox).get(TrexBox).track_id != own:
            yield (
                track.rendition.init,
                f"tkhd has track_ID {own}, trex {moov.get(MvexBox).get(TrexBox).track_id}",
            )
        for fragment in track.sound_fragments():
            if (found := fragment.moof.get(TrafBox).get(TfhdBox).track_id) != own:
                yield fragment.segment.path, f"tfhd has track_ID {found}, the header {own}"


@box_rules.rule(4, "ISO/IEC 14496-12 §8.8.3.1, ISO/IEC 23000-19 §7.3.2.3")
def every_sample_is_a_place_to_start(evidence: Evidence) -> Violations:
    """Every sample is a sync sample: a fragment begins with one, and in sound they all are."""
    for track, moov in _headed(evidence):
        default = moov.get(MvexBox).get(TrexBox).sample_flags
        for fragment in track.sound_fragments():
            if any(flags & NOT_SYNC for flags in _flags(fragment, default)):
                yield fragment.segment.path, "samples that are flagged as no sync samples"


def _flags(fragment: Fragment, default: int) -> Iterator[int]:
    """The flags that hold for samples of a fragment (§8.8.8.1), each once or more."""
    traf = fragment.moof.get(TrafBox)
    own = traf.get(TfhdBox).sample_flags
    for run in traf.all(TrunBox):
        if run.sample_flags is not None:
            yield from {int(flags) for flags in run.sample_flags}
            continue
        if run.first_sample_flags is not None:
            yield run.first_sample_flags
        if run.first_sample_flags is None or run.sample_count > 1:
            yield default if own is None else own


@box_rules.rule(5, "ISO/IEC 14496-12 §8.6.6")
def the_edit_plays_at_normal_speed(evidence: Evidence) -> Violations:
    """An edit has the media rate 1."""
    for track, moov in _headed(evidence):
        edts = moov.get(TrakBox).find(EdtsBox)
        for edit in () if edts is None else edts.get(ElstBox).entries:
            if (edit.rate, edit.rate_fraction) != (1, 0):
                yield track.rendition.init, f"an edit of rate {edit.rate}.{edit.rate_fraction}"


@box_rules.rule(6, "ISO/IEC 14496-12 §8.8.8")
def samples_are_there_and_in_order(evidence: Evidence) -> Violations:
    """No sample is empty, and none has a composition offset: sound is heard in the order in which it is decoded."""
    for track in evidence.tracks:
        for fragment in track.sound_fragments():
            if not len(fragment.units.units) or int(fragment.units.units.sizes.min()) < 1:
                yield fragment.segment.path, "an empty sample, or none at all"
            if any(run.composition_offsets is not None for run in fragment.moof.get(TrafBox).all(TrunBox)):
                yield fragment.segment.path, "trun has composition offsets"


@box_rules.rule(7, "ISO/IEC 23000-19 §7.7.3, §10.3.1")
def brands_promise_what_is_true(evidence: Evidence) -> Violations:
    """cmf2 is only said where fragments repeat the sample defaults, caac only of AAC-LC and HE-AAC up to two channels and 48 kHz."""
    for track in evidence.tracks:
        brands = () if track.ftyp is None else (track.ftyp.major_brand, *track.ftyp.compatible_brands)
        if b"caac" in brands and isinstance(track.init, Init) and not _is_core(track.init):
            told = f"{track.init.codec}, {track.init.channels} channels, {track.init.sample_rate} Hz"
            yield track.rendition.init, f"brand caac, and the track is {told}"
        for fragment in track.sound_fragments() if b"cmf2" in brands else ():
            traf = fragment.moof.get(TrafBox)
            tfhd, runs = traf.get(TfhdBox), traf.all(TrunBox)
            durations = tfhd.sample_duration is not None or all(run.durations is not None for run in runs)
            flags = tfhd.sample_flags is not None or all(run.sample_flags is not None for run in runs)
            if not durations or not flags:
                yield fragment.segment.path, "brand cmf2, and the fragment leans on the defaults of trex"


def _is_core(init: Init) -> bool:
    """Whether a track is of the AAC core profile."""
    return init.codec in CORE_PROFILE and init.channels <= 2 and init.sample_rate <= 48_000


@box_rules.rule(8, "ISO/IEC 14496-12 §8.5.2.2, ISO/IEC 14496-1 §7.2.6.6", "warning")
def bit_rates_are_those_of_the_bytes(evidence: Evidence) -> Violations:
    """The mean bit rate that the header tells is that of the samples, within a twentieth, and the largest is no smaller."""
    for track, _ in _headed(evidence):
        init, fragments = track.init, track.sound_fragments()
        if not isinstance(init, Init) or not init.avg_bitrate or len(fragments) < len(track.fragments):
            continue
        size = sum(len(fragment.units.units.data) for fragment in fragments)
        ticks = sum(len(fragment.units.units) for fragment in fragments) * init.samples_per_unit
        if not ticks:
            continue
        mean = Fraction(8 * size * init.timescale, ticks)
        if abs(init.avg_bitrate - mean) > TOLERANCE * mean:
            yield (
                track.rendition.init,
                f"it tells a mean of {init.avg_bitrate} bit/s, the samples have {int(mean)}",
            )
        if init.max_bitrate < init.avg_bitrate:
            yield (
                track.rendition.init,
                f"its largest bit rate {init.max_bitrate} is below the mean {init.avg_bitrate}",
            )


@box_rules.rule(9, "ISO/IEC 23000-19 §7.3.3.1, ISO/IEC 23009-1 §6.3.4.2", "warning")
def segments_say_what_they_are(evidence: Evidence) -> Violations:
    """A styp names a brand of CMAF or DASH segments."""
    for track in evidence.tracks:
        for fragment in track.sound_fragments():
            styp = fragment.styp
            if styp is not None and not SEGMENT_BRANDS & {styp.major_brand, *styp.compatible_brands}:
                yield fragment.segment.path, "styp names no brand of segments"


@box_rules.rule(10, "ISO/IEC 14496-12 §8.16.3", anywhere=False)
def the_index_is_right(evidence: Evidence) -> Violations:
    """Where a rendition is one file, sidx lies between init and segments and lists them: sizes, durations, starts with SAP, in the track's timescale."""
    for track in evidence.tracks:
        rendition, body = track.rendition, evidence.body(track.rendition.init)
        if not rendition.index_size or body is None or track.moov is None:
            continue
        place = rendition.init
        try:
            boxes = parse(body[rendition.init_size : rendition.init_size + rendition.index_size])
        except FormatError as error:
            yield place, f"the index cannot be read: {error}"
            continue
        if [type(box) for box in boxes] != [SidxBox]:
            yield place, "the index is not one sidx"
            continue
        yield from (
            (place, text) for text in _index_faults(next(find_all(boxes, SidxBox)), track, track.moov)
        )


def _index_faults(sidx: SidxBox, track: Track, moov: MoovBox) -> Iterator[str]:
    trak = moov.get(TrakBox)
    timescale = trak.get(MdiaBox).get(MdhdBox).timescale
    head = sidx.reference_id, sidx.timescale, sidx.first_offset
    if head != (trak.get(TkhdBox).track_id, timescale, 0):
        yield f"sidx has reference_ID, timescale and first_offset {head}"
    start = track.rendition.segments[0].start if track.rendition.segments else 0
    if sidx.earliest_presentation_time != start:
        yield f"sidx begins at {sidx.earliest_presentation_time}, the first segment at {start}"
    due = [(segment.size, segment.duration) for segment in track.rendition.segments]
    found = [(int(size) & 0x7FFFFFFF, int(duration)) for size, duration, _ in sidx.references]
    if found != due:
        first = next(
            (number for number, pair in enumerate(due) if found[number : number + 1] != [pair]), len(due)
        )
        yield f"sidx has {len(found)} references, {len(due)} segments; they differ from segment {first + 1} on"
    if any(int(size) >> 31 or not int(sap) >> 31 for size, _, sap in sidx.references):
        yield "sidx has references to other indexes, or to what does not start with a SAP"


@box_rules.rule(11, "ISO/IEC 23000-19 §7.5.13, gapless playback", "warning")
def an_edit_list_takes_the_priming_away(evidence: Evidence) -> Violations:
    """A track of AAC or Opus, whose encoders put silence first, has an edit list that begins behind it: without one the silence is heard."""
    for track in evidence.tracks:
        init = track.init
        if isinstance(init, Init) and init.codec.startswith((AAC, OPUS)) and init.media_time == 0:
            yield (
                track.rendition.init,
                "no edit begins behind the encoder's priming: it is heard, and songs do not join",
            )
