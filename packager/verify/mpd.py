"""The MPD against presentation.json: the same renditions, segments, durations and KID."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from manifests.byte_range import ByteRange
from manifests.mpd_reader import MpdRepresentation
from media.presentation import Rendition
from packager.verify.book import Book, Violations
from packager.verify.documents import mpds
from packager.verify.evidence import Evidence

mpd_rules = Book("MPD")


def _pairs(evidence: Evidence) -> Iterator[tuple[str, Rendition, MpdRepresentation]]:
    """Each representation with the rendition of its name, and its place."""
    renditions = {rendition.name: rendition for rendition in evidence.presentation.renditions}
    for path, mpd in mpds(evidence):
        for each in mpd.representations:
            if each.id in renditions:
                yield f"{path} line {each.line}", renditions[each.id], each


@mpd_rules.rule(1, "ISO/IEC 23009-1 §5.3.1.2")
def the_duration_is_the_songs(evidence: Evidence) -> Violations:
    """mediaPresentationDuration is the song's length, rounded up by a microsecond at most."""
    due = Fraction(evidence.presentation.samples, evidence.presentation.sample_rate)
    for path, mpd in mpds(evidence):
        if mpd.duration is None or not 0 <= mpd.duration - due <= Fraction(1, 1_000_000):
            told = "missing" if mpd.duration is None else f"{float(mpd.duration):.6f} s"
            yield path, f"mediaPresentationDuration is {told}, the song lasts {float(due):.6f} s"


@mpd_rules.rule(2, "ISO/IEC 23009-1 §5.3.5")
def every_rendition_is_a_representation(evidence: Evidence) -> Violations:
    """There is one Representation of the name of each rendition, and no other."""
    for path, mpd in mpds(evidence):
        found = sorted(each.id for each in mpd.representations)
        due = sorted(each.name for each in evidence.presentation.renditions)
        if found != due:
            yield path, f"representations {', '.join(found) or 'missing'}, renditions {', '.join(due)}"


@mpd_rules.rule(3, "ISO/IEC 23009-1 §5.3.5, §5.3.7")
def representations_are_described_as_told(evidence: Evidence) -> Violations:
    """Codecs, bandwidth and sample rate of a Representation are those of its rendition."""
    for place, rendition, each in _pairs(evidence):
        found = each.codecs, each.bandwidth, each.sample_rate
        told = rendition.codec, rendition.bandwidth, rendition.sample_rate
        if found != told:
            yield place, f"codecs, bandwidth and sample rate are {found}, the rendition has {told}"


@mpd_rules.rule(4, "ISO/IEC 23009-1 §5.3.9.2, §5.3.9.4")
def addresses_are_those_of_the_files(evidence: Evidence) -> Violations:
    """The templates expand to the paths of the rendition's init and media segments; of one file, init and index are where SegmentBase says."""
    for place, rendition, each in _pairs(evidence):
        found = each.init, [segment.url for segment in each.segments]
        if rendition.one_file:
            head, end = rendition.init_size, rendition.init_size + rendition.index_size
            ranges = ByteRange(0, head - 1), ByteRange(head, end - 1)
            if found != (rendition.init, []) or (each.init_range, each.index_range) != ranges:
                yield place, f"init and index are not where {rendition.init} has them"
        elif found != (rendition.init, [segment.path for segment in rendition.segments]):
            yield place, f"its addresses are not the files of rendition {rendition.name}"


@mpd_rules.rule(5, "ISO/IEC 23009-1 §5.3.9.6")
def the_timeline_is_the_plan(evidence: Evidence) -> Violations:
    """The SegmentTimeline has the segments' starts and durations, to the sample; that of one file is its sidx (BOX-10)."""
    rate = evidence.presentation.sample_rate
    for place, rendition, each in _pairs(evidence):
        told = [(segment.start, segment.duration) for segment in rendition.segments]
        found = [(segment.start, segment.duration) for segment in each.segments]
        if each.timescale != rate or (found != told and not rendition.one_file):
            first = next(
                (number for number, pair in enumerate(told) if found[number : number + 1] != [pair]), 0
            )
            yield place, f"the timeline differs from presentation.json, from segment {first + 1} on"


@mpd_rules.rule(6, "ISO/IEC 23001-7 §11.2")
def the_protection_is_the_one_told(evidence: Evidence) -> Violations:
    """ContentProtection tells the presentation's scheme and the rendition's KID; a clear presentation has none."""
    scheme = evidence.presentation.protection.scheme
    for place, rendition, each in _pairs(evidence):
        kid = evidence.kid_of(rendition)
        due = "" if scheme == "none" else scheme, str(kid) if kid else ""
        if (each.scheme, each.kid.lower()) != due:
            yield place, f"scheme and default_KID are {each.scheme, each.kid}, due are {due}"
