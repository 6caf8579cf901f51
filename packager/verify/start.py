"""Advice on start time: what keeps a song from being heard as soon as it could be. All of it is legal.

A server may send ten packets on a new connection before it hears from the client (RFC 6928), 14,600 bytes of payload; session tickets
and headers take a part of them. What fits the rest, 11,000 bytes, is there after one round trip; every byte more costs another
one. So it is for the manifests, and for init and first segment together.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from manifests import mpd_reader
from media.errors import ManifestError
from media.presentation import Rendition
from packager.verify.book import Book, Violations
from packager.verify.documents import media_playlists, mpds, multivariants, resolved
from packager.verify.evidence import Evidence
from packager.verify.source import Fetched

start_rules = Book("START", anywhere=True)
FLIGHT = 11_000  # bytes
# Seconds of sound. Where a flight does not even hold that much, as of lossless sound, a shorter segment is no help.
WORTH_A_SEGMENT = Fraction(1, 4)
GROWTH = Fraction(9, 4)  # twice, and room for whole access units


def _start(evidence: Evidence) -> Rendition:
    """The rendition that players begin with; that it exists is PRES-3."""
    return evidence.presentation.rendition(evidence.presentation.start_rendition)


@start_rules.rule(1, "RFC 6928", "warning")
def the_first_sound_is_one_flight(evidence: Evidence) -> Violations:
    """Init and first segment of the start rendition fit the first flight of a new connection together, unless that would hold less than a quarter of a second."""
    rendition = _start(evidence)
    for segment in rendition.segments[:1]:
        size = rendition.init_size + segment.size
        seconds = Fraction(segment.duration, evidence.presentation.sample_rate)
        fits = seconds * (FLIGHT - rendition.init_size) / max(1, segment.size)
        if size > FLIGHT and fits >= WORTH_A_SEGMENT:
            yield (
                segment.path,
                f"init and first segment have {size} bytes; of a first segment of {float(fits):.2f} s they would have {FLIGHT}, one round trip less",
            )


@start_rules.rule(2, "Apple TN2224", "warning")
def the_start_rendition_is_first(evidence: Evidence) -> Violations:
    """The multivariant playlist names the start rendition first, with which many players begin."""
    for kind, path, playlist in multivariants(evidence):
        due = evidence.playlist_path(_start(evidence).name, kind)
        for uri in playlist.uris[:1]:
            if resolved(uri.text, path) != due:
                yield (
                    f"{path} line {uri.line}",
                    f"players that begin with the first variant do not begin with {due}",
                )


@start_rules.rule(3, "ISO/IEC 23009-1 §5.3.1.2", "warning")
def no_more_is_buffered_than_the_first_segment(evidence: Evidence) -> Violations:
    """minBufferTime is no longer than the first segment: a player that goes by it waits for more than it needs."""
    for segment in _start(evidence).segments[:1]:
        # A microsecond for who rounds up
        first = Fraction(segment.duration, evidence.presentation.sample_rate) + Fraction(1, 1_000_000)
        for path, mpd in mpds(evidence):
            try:
                asked = mpd_reader.seconds(mpd.root.get("minBufferTime", ""))
            except ManifestError:
                continue
            if asked > first:
                yield (
                    path,
                    f"minBufferTime is {float(asked):.3f} s, the first segment lasts {float(first):.3f} s",
                )


@start_rules.rule(4, "start time", "warning")
def segments_grow_no_faster_than_twofold(evidence: Evidence) -> Violations:
    """No segment is much longer than twice the one before: on a link with little to spare the player would run dry before it is there."""
    segments = _start(evidence).segments
    for before, after in pairwise(segments[:-1] if len(segments) > 2 else segments):
        if after.duration > GROWTH * before.duration > 0:
            times = after.duration / before.duration
            yield (
                after.path,
                f"{times:.1f} times as long as the segment before; twice would do on a slower link",
            )


@start_rules.rule(5, "RFC 6928", "warning")
def manifests_are_one_flight(evidence: Evidence) -> Violations:
    """The multivariant playlist, the start rendition's media playlist and the MPD fit the first flight of a new connection, as they are sent."""
    start = _start(evidence).name
    paths = [path for _, path, _ in multivariants(evidence)]
    paths += [path for _, rendition, path, _ in media_playlists(evidence) if rendition.name == start]
    paths += [path for path, _ in mpds(evidence)]
    for path in paths:
        if (size := _sent(evidence.files[path])) > FLIGHT:
            yield (
                path,
                f"{size} bytes; compressed, or with fewer segments, it could be there a round trip earlier",
            )


def _sent(fetched: Fetched) -> int:
    """The bytes that came over the network, which may have been compressed."""
    told = fetched.headers.get("content-length", "")
    compressed = "content-encoding" in fetched.headers and told.isascii() and told.isdigit()
    return int(told) if compressed else len(fetched.body)
