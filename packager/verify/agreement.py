"""The manifests against each other and against the bytes: a song is the same, whichever manifest a player takes.

Every stream of a manifest is compared with the stream of the same init section in the manifest before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from uuid import UUID

from media.boxes import PsshBox
from packager.fragments import Init
from packager.verify.book import Book, Violations
from packager.verify.documents import mpds
from packager.verify.evidence import Evidence, Track
from packager.verify.streams import Stream, hls_streams, mpd_streams

agreement_rules = Book("AGREE", anywhere=True)
CLOSE = Fraction(1, 1000)  # seconds, for totals that are rounded in more than one way
NEAR = Fraction(1, 10)  # of a bandwidth: HLS and DASH define it differently


def _manifests(evidence: Evidence) -> list[list[Stream]]:
    """The streams of each manifest that can be read, with those that name an init section."""

    def read() -> list[list[Stream]]:
        families = [kind for kind in evidence.presentation.manifests if kind != "dash"]
        told = [list(hls_streams(evidence, kind)) for kind in families] + [list(mpd_streams(evidence))]
        return [[each for each in streams if each.init] for streams in told if streams]

    return evidence.once("streams", read)


def _pairs(evidence: Evidence) -> Iterator[tuple[Stream, Stream]]:
    """Streams of one init section in two manifests."""
    for before, after in pairwise(_manifests(evidence)):
        known = {each.init: each for each in before}
        for each in after:
            if each.init in known:
                yield known[each.init], each


def _with_tracks(evidence: Evidence) -> Iterator[tuple[Stream, Track]]:
    """Streams and the track whose init section they name."""
    tracks = {track.rendition.init: track for track in evidence.tracks}
    for streams in _manifests(evidence):
        for each in streams:
            if each.init in tracks:
                yield each, tracks[each.init]


@agreement_rules.rule(1, "one presentation")
def manifests_have_the_same_streams(evidence: Evidence) -> Violations:
    """Every manifest offers the same streams, known by their init sections, and each once."""
    told = _manifests(evidence)
    for streams in told:
        inits = [each.init for each in streams]
        for each in streams:
            if inits.count(each.init) > 1:
                yield each.place, f"{each.init} stands {inits.count(each.init)} times"
    for before, after in pairwise(told):
        mine, theirs = ({each.init for each in streams} for streams in (before, after))
        for init in sorted(mine ^ theirs):
            where, lacking = (before, after) if init in mine else (after, before)
            yield lacking[0].manifest, f"it has no stream of {init}, {where[0].manifest} has"


@agreement_rules.rule(2, "RFC 6381")
def streams_have_the_same_codecs(evidence: Evidence) -> Violations:
    """CODECS and @codecs say the same."""
    for one, other in _pairs(evidence):
        if one.codecs != other.codecs:
            yield other.place, f"codecs {other.codecs!r}, {one.place} says {one.codecs!r}"


@agreement_rules.rule(3, "RFC 8216bis §4.4.6.2, ISO/IEC 23009-1 §5.3.5.2", "warning")
def streams_have_about_the_same_bandwidth(evidence: Evidence) -> Violations:
    """BANDWIDTH and @bandwidth differ by a tenth at most."""
    for one, other in _pairs(evidence):
        if abs(one.bandwidth - other.bandwidth) > NEAR * max(one.bandwidth, other.bandwidth):
            yield other.place, f"bandwidth {other.bandwidth}, {one.place} says {one.bandwidth}"


@agreement_rules.rule(4, "one presentation")
def streams_have_the_same_segments(evidence: Evidence) -> Violations:
    """The manifests name the same segments of a stream, as many and in the same order."""
    for one, other in _pairs(evidence):
        if one.segments and other.segments and one.segments != other.segments:
            many = len(one.segments), len(other.segments)
            text = (
                f"{many[1]} segments, {one.place} has {many[0]}" if many[0] != many[1] else "other segments"
            )
            yield other.place, f"{text}: {one.manifest} and {other.manifest} do not play the same"


@agreement_rules.rule(5, "RFC 8216bis §4.4.4.1, ISO/IEC 23009-1 §5.3.9.6")
def boundaries_are_the_same(evidence: Evidence) -> Violations:
    """Segments end at the same moments in all manifests, within a millisecond and the priming, which some count in; so does the song."""
    primings = {track.rendition.init: _seconds_of_priming(track) for track in evidence.tracks}
    for one, other in _pairs(evidence):
        if len(one.ends) != len(other.ends):
            continue
        spare = primings.get(one.init, Fraction(0)) + CLOSE
        for number, (mine, theirs) in enumerate(zip(one.ends, other.ends, strict=True), start=1):
            last = number == len(one.ends)
            if abs(mine - theirs) > (CLOSE if last else spare):
                yield (
                    other.place,
                    f"segment {number} ends at {float(theirs):.6f} s, {one.place} makes it {float(mine):.6f} s",
                )
                break
    for path, mpd in mpds(evidence):
        for streams in _manifests(evidence):
            for each in streams:
                if mpd.duration is not None and each.ends and abs(each.ends[-1] - mpd.duration) > CLOSE:
                    yield (
                        each.place,
                        f"the segments last {float(each.ends[-1]):.6f} s, {path} says {float(mpd.duration):.6f} s",
                    )


def _seconds_of_priming(track: Track) -> Fraction:
    init = track.init
    return (
        Fraction(init.media_time, init.timescale)
        if isinstance(init, Init) and init.timescale
        else Fraction(0)
    )


@agreement_rules.rule(6, "ISO/IEC 23001-7 §8.2, §11.2")
def every_manifest_names_the_kid(evidence: Evidence) -> Violations:
    """A KID that a manifest tells, in default_KID, KEYID or a pssh, is the one in the track's tenc."""
    for stream, track in _with_tracks(evidence):
        kid = track.init.kid if isinstance(track.init, Init) else None
        if kid is not None and stream.kids and kid not in stream.kids:
            told = ", ".join(sorted(map(str, stream.kids)))
            yield stream.place, f"it tells KID {told}, {stream.init} is encrypted under {kid}"


@agreement_rules.rule(7, "ISO/IEC 23001-7 §4, RFC 8216bis §4.4.4.4")
def every_manifest_tells_the_protection(evidence: Evidence) -> Violations:
    """METHOD or ContentProtection tell the scheme in the track's schm, and nothing of a clear track: else players do not ask for the key."""
    for stream, track in _with_tracks(evidence):
        if not isinstance(track.init, Init):
            continue
        scheme = "" if track.init.scheme == "none" else track.init.scheme
        if stream.scheme != scheme and not (stream.scheme == "aes-128" and not scheme):
            told = stream.scheme or "nothing"
            yield stream.place, f"it tells {told} of the protection, {stream.init} has {scheme or 'none'}"


@agreement_rules.rule(8, "ISO/IEC 23001-7 §8.1, §11.2")
def manifests_and_headers_hold_the_same_pssh(evidence: Evidence) -> Violations:
    """What a DRM system is told in a manifest is what its pssh in the init section holds, byte for byte."""
    for stream, track in _with_tracks(evidence):
        boxes = [] if track.moov is None else track.moov.all(PsshBox)
        inside = {(UUID(bytes=box.system_id), box.data) for box in boxes}
        systems = {system_id for system_id, _ in inside}
        for system_id, data in stream.psshs:
            if system_id in systems and (system_id, data) not in inside:
                yield stream.place, f"its pssh of system {system_id} is not the one in {stream.init}"


@agreement_rules.rule(9, "RFC 8216bis §4.4.4.1, ISO/IEC 14496-12 §8.8.12")
def boundaries_are_those_of_the_bytes(evidence: Evidence) -> Violations:
    """Where a manifest says that a segment ends, the next one's tfdt begins, counted with the priming or without, within a millisecond; and the last one's samples reach."""
    for stream, track in _with_tracks(evidence):
        init, fragments = track.init, track.sound_fragments()
        if (
            not isinstance(init, Init)
            or not init.timescale
            or not len(fragments) == len(track.fragments) == len(stream.ends)
        ):
            continue
        origin = fragments[0].units.base_media_decode_time
        for number, (end, after) in enumerate(zip(stream.ends, fragments[1:], strict=False), start=1):
            due = Fraction(after.units.base_media_decode_time - origin, init.timescale)
            off = min(abs(end - due), abs(end - due + _seconds_of_priming(track)))
            if off > CLOSE:
                yield (
                    stream.place,
                    f"segment {number} ends {float(off) * 1000:.1f} ms off the tfdt of the next one",
                )
                break
        last = fragments[-1].units
        total = Fraction(last.base_media_decode_time - origin, init.timescale) + Fraction(
            fragments[-1].ticks, init.timescale
        )
        least = total - Fraction(init.samples_per_unit, init.timescale) - _seconds_of_priming(track)
        if not least - CLOSE <= stream.ends[-1] <= total + CLOSE:
            yield (
                stream.place,
                f"the segments are told to last {float(stream.ends[-1]):.6f} s, the samples {float(total):.6f} s",
            )
