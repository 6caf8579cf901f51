"""The bytes of each rendition against CMAF (ISO/IEC 23000-19) and against what presentation.json tells."""

from __future__ import annotations

from collections.abc import Iterator

from media.boxes import (
    EdtsBox,
    ElstBox,
    MdatBox,
    MdhdBox,
    MdiaBox,
    MehdBox,
    MinfBox,
    MoofBox,
    MoovBox,
    MvexBox,
    MvhdBox,
    SbgpBox,
    SgpdBox,
    StblBox,
    StypBox,
    TfhdBox,
    TkhdBox,
    TrafBox,
    TrakBox,
    TrunBox,
)
from media.errors import FormatError
from packager.fragments import Init
from packager.loudness_box import level
from packager.plan import units_needed
from packager.sample_entry import FLAC, roll_distance
from packager.verify.book import Book, Violations
from packager.verify.decoder_config import configured
from packager.verify.evidence import Evidence, Track
from packager.verify.told_loudness import program_loudness

cmaf_rules = Book("CMAF")
NEAREST = 0.126  # LU; ludt speaks in quarters


def headed(evidence: Evidence) -> Iterator[tuple[Track, Init, MoovBox]]:
    """The tracks whose header could be read."""
    for track in evidence.tracks:
        if isinstance(track.init, Init) and track.moov is not None:
            yield track, track.init, track.moov


@cmaf_rules.rule(1, "ISO/IEC 23000-19 §7.3.2.1", anywhere=True)
def the_header_reads(evidence: Evidence) -> Violations:
    """The init segment is the header of one AAC, Opus or FLAC track."""
    for track in evidence.tracks:
        if isinstance(track.init, FormatError):
            yield track.rendition.init, str(track.init)


@cmaf_rules.rule(2, "ISO/IEC 23000-19 §7.2", anywhere=True)
def the_brand_is_cmaf(evidence: Evidence) -> Violations:
    """The init segment begins with ftyp, which names the brand cmfc."""
    for track, _, _ in headed(evidence):
        if track.ftyp is None or b"cmfc" not in (track.ftyp.major_brand, *track.ftyp.compatible_brands):
            yield track.rendition.init, "no ftyp with the brand cmfc"


@cmaf_rules.rule(3, "ISO/IEC 23000-19 §7.5.1, §7.5.4, §7.5.5", anywhere=True)
def the_header_holds_no_clock(evidence: Evidence) -> Violations:
    """Durations in mvhd, tkhd and mdhd are 0, and so are the times of creation, so that bytes can be made again."""
    for track, _, moov in headed(evidence):
        trak = moov.get(TrakBox)
        for box in (moov.get(MvhdBox), trak.get(TkhdBox), trak.get(MdiaBox).get(MdhdBox)):
            if box.duration or box.creation_time or box.modification_time:
                yield track.rendition.init, f"{box.type.decode()} has a duration or a time of creation"


@cmaf_rules.rule(4, "ISO/IEC 23000-19 §7.5.13")
def the_edit_list_shows_the_song(evidence: Evidence) -> Violations:
    """One edit starts right behind the priming and lasts as long as the song."""
    for track, init, moov in headed(evidence):
        place, priming = track.rendition.init, track.rendition.priming
        if init.media_time != priming:
            yield place, f"the edit starts at {init.media_time}, the priming is {priming}"
        edts = moov.get(TrakBox).find(EdtsBox)
        edit = None if edts is None else edts.get(ElstBox).entries[0]
        due = evidence.presentation.samples * moov.get(MvhdBox).timescale
        if edit is None or edit.segment_duration * evidence.presentation.sample_rate != due:
            lasts = "is not there" if edit is None else f"lasts {edit.segment_duration} ticks"
            yield place, f"the edit {lasts}, the song has {evidence.presentation.samples} samples"


@cmaf_rules.rule(5, "ISO/IEC 14496-12 §8.8.2")
def the_header_knows_the_length(evidence: Evidence) -> Violations:
    """mehd tells the length of the song."""
    for track, _, moov in headed(evidence):
        mehd = moov.get(MvexBox).find(MehdBox)
        due = evidence.presentation.samples * moov.get(MvhdBox).timescale
        if mehd is None or mehd.fragment_duration * evidence.presentation.sample_rate != due:
            yield (
                track.rendition.init,
                f"mehd does not tell a length of {evidence.presentation.samples} samples",
            )


@cmaf_rules.rule(6, "ISO/IEC 23000-19 §7.5.5, §10.3", anywhere=True)
def the_header_is_of_this_rendition(evidence: Evidence) -> Violations:
    """Codec, channels, sample rate and timescale are those of presentation.json, in the boxes and in the decoder's configuration."""
    for track, init, _ in headed(evidence):
        rendition = track.rendition
        # Others may name a codec in other letters (RFC 6381 lets them), and count in other ticks.
        timescale = rendition.sample_rate if evidence.ours else init.timescale
        codec = (
            init.codec
            if init.codec.lower() == rendition.codec.lower() and not evidence.ours
            else rendition.codec
        )
        told = codec, rendition.sample_rate, timescale, rendition.channels
        found = init.codec, init.sample_rate, init.timescale, init.channels
        if found != told:
            yield (
                rendition.init,
                f"codec, rate, timescale and channels are {found}, presentation.json tells {told}",
            )
        try:
            config = configured(init.codec, init.config)
        except FormatError as error:
            yield rendition.init, str(error)
            continue
        if (config.sample_rate, config.channels) != (rendition.sample_rate, rendition.channels):
            yield (
                rendition.init,
                f"the decoder is configured for {config.channels} channels at {config.sample_rate} Hz",
            )
        if config.samples_per_unit not in (0, init.samples_per_unit):
            yield (
                rendition.init,
                f"the decoder makes {config.samples_per_unit} samples of an access unit, trex tells {init.samples_per_unit}",
            )
        if config.priming not in (None, rendition.priming):
            yield (
                rendition.init,
                f"the decoder skips {config.priming} samples, the priming is {rendition.priming}",
            )


@cmaf_rules.rule(7, "ISO/IEC 14496-12 §10.1", anywhere=True)
def every_sample_rolls(evidence: Evidence) -> Violations:
    """The header describes the codec's roll distance (one unit of AAC, 80 ms of Opus), and every fragment puts all its samples into that group; FLAC needs none."""
    for track, init, moov in headed(evidence):
        if init.samples_per_unit < 1:
            continue
        distance = roll_distance(init.codec, init.samples_per_unit)
        due = [(distance.to_bytes(2, "big", signed=True),)] if distance else []
        stbl = moov.get(TrakBox).get(MdiaBox).get(MinfBox).get(StblBox)
        if [box.entries for box in stbl.all(SgpdBox) if box.grouping_type == b"roll"] != due:
            text = f"no sample group of a roll distance of {distance}" if distance else "a roll group"
            yield track.rendition.init, text
            continue
        for fragment in track.sound_fragments():
            groups = [box for box in fragment.moof.get(TrafBox).all(SbgpBox) if box.grouping_type == b"roll"]
            members = [[[len(fragment.units.units), 1]]] if distance else []
            if [box.entries.tolist() for box in groups] != members:
                text = "not all samples belong to the roll group" if distance else "a roll group"
                yield fragment.segment.path, text


@cmaf_rules.rule(8, "ISO/IEC 23000-19 §7.3.2.3", anywhere=True)
def every_segment_reads(evidence: Evidence) -> Violations:
    """Every media segment holds one fragment whose samples are all there."""
    for track in evidence.tracks:
        for segment, fragment in zip(track.rendition.segments, track.fragments, strict=True):
            if isinstance(fragment, FormatError):
                yield segment.path, str(fragment)


@cmaf_rules.rule(9, "ISO/IEC 23000-19 §7.3.2.3, §7.3.3")
def a_segment_is_one_fragment(evidence: Evidence) -> Violations:
    """A segment is styp, moof with one traf with one trun, and mdat, which the samples fill exactly."""
    for track in evidence.tracks:
        for fragment in track.sound_fragments():
            kinds = [type(box) for box in fragment.boxes]
            trafs = fragment.moof.all(TrafBox)
            if kinds not in ([StypBox, MoofBox, MdatBox], [MoofBox, MdatBox]):
                yield fragment.segment.path, "its boxes are not styp, moof and mdat"
            elif len(trafs) != 1 or len(trafs[0].all(TrunBox)) != 1:
                yield fragment.segment.path, "not exactly one track run"
            elif len(fragment.boxes[-1].to_bytes()) - 8 != len(fragment.units.units.data):
                yield fragment.segment.path, "samples and mdat are not of one size"


@cmaf_rules.rule(10, "ISO/IEC 23000-19 §7.3.2.2", anywhere=True)
def decode_times_have_no_gap(evidence: Evidence) -> Violations:
    """tfdt is 0 in the first segment, and then where the one before ended."""
    for track in evidence.tracks:
        due: int | None = 0 if evidence.ours else None
        for segment, fragment in zip(track.rendition.segments, track.fragments, strict=True):
            if fragment is None or isinstance(fragment, FormatError):
                due = None
                continue
            units = fragment.units
            if due is not None and units.base_media_decode_time != due:
                yield segment.path, f"tfdt is {units.base_media_decode_time}, due {due}"
            due = units.base_media_decode_time + fragment.ticks


@cmaf_rules.rule(11, "ISO/IEC 23000-19 §7.3.4.1", anywhere=True)
def decode_times_are_those_of_all_renditions(evidence: Evidence) -> Violations:
    """Segments of one number start and end at the same samples of the song in all renditions, by their tfdt and their units."""
    by_number: dict[int, set[tuple[int, int]]] = {}
    for track in evidence.tracks:
        for number, fragment in enumerate(track.fragments, start=1):
            if fragment is not None and not isinstance(fragment, FormatError):
                units, priming = fragment.units, track.rendition.priming
                start = units.base_media_decode_time
                end = start + len(units.units) * units.units.samples_per_unit
                last = number == len(track.fragments)  # it ends where a unit does, not the song
                place = max(0, start - priming), 0 if last else end - priming
                by_number.setdefault(number, set()).add(place)
    for number, found in by_number.items():
        if len(found) > 1:
            yield "audio", f"segments number {number} start at or last {len(found)} different times"


@cmaf_rules.rule(12, "ISO/IEC 14496-12 §8.8.12")
def decode_times_are_those_told(evidence: Evidence) -> Violations:
    """tfdt is the segment's start in presentation.json plus the priming, the first segment's apart, which holds the priming."""
    for track in evidence.tracks:
        for fragment in track.sound_fragments():
            start = fragment.segment.start
            due = start + track.rendition.priming if start else 0
            if fragment.units.base_media_decode_time != due:
                yield (
                    fragment.segment.path,
                    f"tfdt is {fragment.units.base_media_decode_time}, presentation.json makes it {due}",
                )


@cmaf_rules.rule(13, "gapless playback")
def units_are_as_many_as_the_song_needs(evidence: Evidence) -> Violations:
    """Priming and song fill the access units up to the last one, and no further."""
    for track, init, _ in headed(evidence):
        fragments = track.sound_fragments()
        if len(fragments) < len(track.fragments) or init.samples_per_unit < 1:
            continue
        found = sum(len(fragment.units.units) for fragment in fragments)
        due = units_needed(
            evidence.presentation.samples,
            priming=track.rendition.priming,
            samples_per_unit=init.samples_per_unit,
        )
        if found != due:
            yield f"audio/{track.rendition.name}", f"{found} access units, {due} hold the song"


@cmaf_rules.rule(14, "ISO/IEC 23000-19 §7.7.3, gapless playback")
def every_sample_lasts_its_full_time(evidence: Evidence) -> Violations:
    """tfhd repeats the default duration, and no sample has one of its own, but for the last block of FLAC: no other last one is shortened."""
    for track, init, _ in headed(evidence):
        for fragment in track.sound_fragments():
            traf = fragment.moof.get(TrafBox)
            tfhd, run = traf.get(TfhdBox), traf.get(TrunBox)
            own = [] if run.durations is None else run.durations.tolist()
            if init.codec == FLAC and fragment is track.fragments[-1] and own:
                *own, last = own
                own = [each for each in own if each != init.samples_per_unit]
                own += [] if 0 < last <= init.samples_per_unit else [last]
            if tfhd.sample_duration != init.samples_per_unit or own:
                yield fragment.segment.path, f"not every sample lasts {init.samples_per_unit} ticks"


@cmaf_rules.rule(15, "ISO/IEC 14496-12 §8.8.5")
def fragments_are_numbered(evidence: Evidence) -> Violations:
    """mfhd counts the segments."""
    for track in evidence.tracks:
        for number, fragment in enumerate(track.fragments, start=1):
            if fragment is None or isinstance(fragment, FormatError):
                continue
            if fragment.units.sequence_number != number:
                yield (
                    fragment.segment.path,
                    f"its sequence number is {fragment.units.sequence_number}, not {number}",
                )


@cmaf_rules.rule(16, "ISO/IEC 14496-12 §12.2.7")
def the_header_tells_the_loudness(evidence: Evidence) -> Violations:
    """ludt tells the integrated loudness of presentation.json, as near as its quarters of a LU come; and none where that tells none."""
    told = evidence.presentation.loudness.integrated_lufs
    # What the box has no place for is left out (ISO/IEC 23003-4 §7.3: from -57.75 LUFS up to 6).
    due = told if told is not None and level(0) <= told <= level(255) else None
    for track in evidence.tracks:
        found = None if track.moov is None else program_loudness(track.moov)
        if track.moov is None or (found is None and due is None):
            continue
        if found is None or due is None or abs(found - due) > NEAREST:
            text = "nothing" if found is None else f"{found} LUFS"
            yield track.rendition.init, f"ludt tells {text}, presentation.json {told}"
