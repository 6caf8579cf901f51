"""presentation.json against itself, and against the files that are there."""

from __future__ import annotations

from hashlib import sha256

from manifests import KINDS
from media import layout
from media.presentation import Rendition
from packager.bandwidth import bandwidths
from packager.verify.book import Book, Violations
from packager.verify.evidence import Evidence
from packager.verify.ours import is_plain, paths

presentation_rules = Book("PRES")
file_rules = Book("FILE")
HERE = layout.PRESENTATION

# PRES-1, that presentation.json can be read at all, is where verification starts: packager/verify/verification.py


@presentation_rules.rule(2, "media/layout.py")
def paths_are_plain(evidence: Evidence) -> Violations:
    """Every path is relative and downward, and every name a single part of one."""
    for path in paths(evidence.presentation):
        if not is_plain(path):
            yield HERE, f"path {path!r} does not lie in the version's folder"


@presentation_rules.rule(3, "media/presentation.py")
def there_is_a_song(evidence: Evidence) -> Violations:
    """There are samples, a sample rate and renditions, each with a name of its own; the start rendition is one of them."""
    presentation = evidence.presentation
    names = [rendition.name for rendition in presentation.renditions]
    if presentation.samples < 1 or presentation.sample_rate < 1:
        yield HERE, f"{presentation.samples} samples at {presentation.sample_rate} Hz are no song"
    if not names or len(set(names)) < len(names):
        yield HERE, f"renditions {', '.join(names) or 'missing'}: one of each name expected"
    if presentation.start_rendition not in names:
        yield HERE, f"the start rendition {presentation.start_rendition!r} is not among them"


@presentation_rules.rule(4, "docs/decisions/0007")
def one_sample_rate_and_one_priming(evidence: Evidence) -> Violations:
    """All renditions have the presentation's sample rate, and those of one codec one priming."""
    presentation = evidence.presentation
    primings: dict[str, int] = {}
    for rendition in presentation.renditions:
        if rendition.sample_rate != presentation.sample_rate:
            yield (
                HERE,
                f"rendition {rendition.name}: {rendition.sample_rate} Hz, not {presentation.sample_rate}",
            )
        if rendition.priming != primings.setdefault(rendition.codec, rendition.priming):
            yield HERE, f"rendition {rendition.name}: its priming of {rendition.priming} is its own"


@presentation_rules.rule(5, "media/presentation.py")
def segments_add_up_to_the_song(evidence: Evidence) -> Violations:
    """The first segment starts at 0, each follows the one before, the last ends at the song's last sample."""
    for rendition in evidence.presentation.renditions:
        end = 0
        for segment in rendition.segments:
            if segment.start != end or segment.duration < 1:
                yield (
                    HERE,
                    f"{segment.path}: {segment.duration} samples from {segment.start}, due from {end}",
                )
            end = segment.start + segment.duration
        if end != evidence.presentation.samples:
            yield (
                HERE,
                f"rendition {rendition.name} ends at {end}, the song at {evidence.presentation.samples}",
            )


@presentation_rules.rule(6, "ISO/IEC 23000-19 §7.3.4.1")
def renditions_are_cut_alike(evidence: Evidence) -> Violations:
    """Segments start at the same samples in all renditions."""
    renditions = evidence.presentation.renditions
    for rendition in renditions[1:]:
        if [each.start for each in rendition.segments] != [each.start for each in renditions[0].segments]:
            yield HERE, f"renditions {rendition.name} and {renditions[0].name} are cut at different samples"


@presentation_rules.rule(7, "docs/decisions/0008")
def the_manifests_are_those_of_the_protection(evidence: Evidence) -> Violations:
    """The manifests are those that belong to the protection, each under its own path."""
    presentation = evidence.presentation
    due = {kind: layout.MANIFESTS[kind] for kind in KINDS[presentation.protection.scheme]}
    if presentation.manifests != due:
        yield HERE, f"manifests {', '.join(presentation.manifests)}, due are {', '.join(due)}"


@presentation_rules.rule(8, "RFC 8216bis §4.4.6.2")
def bandwidths_are_not_understated(evidence: Evidence) -> Violations:
    """The bandwidths are those that follow from the segments' sizes and durations."""
    rate = evidence.presentation.sample_rate
    for rendition in evidence.presentation.renditions:
        if rate < 1 or min((segment.duration for segment in rendition.segments), default=0) < 1:
            continue  # PRES-3 and PRES-5 say so
        told = rendition.bandwidth, rendition.average_bandwidth
        found = bandwidths(rendition.segments, rate)
        if told != found:
            yield HERE, f"rendition {rendition.name}: bandwidths {told}, its segments have {found}"


@file_rules.rule(1, "every named file is published", anywhere=True)
def every_file_is_there(evidence: Evidence) -> Violations:
    """Every file that presentation.json names can be fetched."""
    yield from evidence.missing.items()


@file_rules.rule(2, "media/presentation.py")
def sizes_are_right(evidence: Evidence) -> Violations:
    """Init and media segments have the sizes that presentation.json tells; in a file of its own a rendition fills it, init, index and segments end to end."""
    for rendition in evidence.presentation.renditions:
        if rendition.one_file:
            yield from _one_file(evidence, rendition)
            continue
        told = [
            (rendition.init, rendition.init_size),
            *((segment.path, segment.size) for segment in rendition.segments),
        ]
        for path, size in told:
            body = evidence.body(path)
            if body is not None and len(body) != size:
                yield path, f"{len(body)} bytes, presentation.json tells {size}"


def _one_file(evidence: Evidence, rendition: Rendition) -> Violations:
    end = rendition.init_size + rendition.index_size
    for number, segment in enumerate(rendition.segments, start=1):
        if segment.path != rendition.init or segment.offset != end:
            yield segment.path, f"segment {number} is told to begin at byte {segment.offset}, due {end}"
        end = segment.offset + segment.size
    body = evidence.body(rendition.init)
    if body is not None and len(body) != end:
        yield rendition.init, f"{len(body)} bytes, presentation.json tells {end}"


@file_rules.rule(3, "media/presentation.py")
def bytes_are_those_that_were_published(evidence: Evidence) -> Violations:
    """The SHA-256 over a rendition's files is the one that presentation.json tells."""
    for rendition in evidence.presentation.renditions:
        paths = dict.fromkeys((rendition.init, *(each.path for each in rendition.segments)))
        bodies = [evidence.body(path) for path in paths]
        if not rendition.digest or None in bodies:
            continue
        digest = sha256()
        for body in bodies:
            digest.update(body or b"")
        if digest.hexdigest() != rendition.digest:
            yield f"audio/{rendition.name}", "its bytes are not those that were published: the digest differs"


@file_rules.rule(4, "RFC 9111 §5.2.2, RFC 8246", "warning")
def what_never_changes_says_so(evidence: Evidence) -> Violations:
    """Over HTTP, everything under a version is served as immutable for a year."""
    for path, fetched in evidence.files.items():
        if fetched.headers and fetched.headers.get("cache-control") != layout.IMMUTABLE:
            yield path, f"Cache-Control {fetched.headers.get('cache-control')!r}, not {layout.IMMUTABLE!r}"


@file_rules.rule(5, "RFC 9110 §8.3", "warning")
def media_types_are_right(evidence: Evidence) -> Violations:
    """Over HTTP, every file has the media type of its suffix."""
    for path, fetched in evidence.files.items():
        found = fetched.headers.get("content-type", "").partition(";")[0].strip()
        if fetched.headers and found != layout.media_type(path):
            yield path, f"Content-Type {found!r}, not {layout.media_type(path)!r}"
