"""The rules of media playlists (RFC 8216bis §4.4.3, §4.4.4, §8), and what we promise of our own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from manifests.attributes import unquoted
from manifests.hls_reader import Playlist, extinf_seconds
from manifests.rule_book import RuleBook, Violations
from manifests.rules import hls_playlist, hls_segments, hls_values
from manifests.rules.hls_playlist import INTEGER, MULTIVARIANT_TAGS, key_violations, version_of

rules = RuleBook[Playlist]("HLS", "RFC 8216bis", hls_playlist.rules, hls_values.rules, hls_segments.rules)


@rules.rule(20, "4.4.6")
def no_tags_of_the_multivariant_playlist(playlist: Playlist) -> Violations:
    """Tags of the multivariant playlist do not stand in a media playlist."""
    for tag in playlist.tags:
        if tag.name in MULTIVARIANT_TAGS:
            yield tag.line, f"{tag.name} in a media playlist"


@rules.rule(21, "4.4.3.1")
def there_is_a_target_duration(playlist: Playlist) -> Violations:
    """EXT-X-TARGETDURATION is there, an integer above zero."""
    told = playlist.all("EXT-X-TARGETDURATION")
    if not told:
        yield 1, "no EXT-X-TARGETDURATION"
    for tag in told:
        if not INTEGER.fullmatch(tag.value) or int(tag.value) == 0:
            yield tag.line, f"EXT-X-TARGETDURATION {tag.value[:40]!r} is no number of seconds"


@rules.rule(22, "4.4.3.1")
def no_segment_exceeds_the_target_duration(playlist: Playlist) -> Violations:
    """EXTINF, rounded to the nearest integer, is at most EXT-X-TARGETDURATION."""
    told = [tag.value for tag in playlist.all("EXT-X-TARGETDURATION") if INTEGER.fullmatch(tag.value)]
    for segment in playlist.segments:
        if told and segment.duration is not None and _nearest(segment.duration) > int(told[0]):
            yield (
                segment.line,
                f"{float(segment.duration)} s rounds to more than the target duration of {told[0]}",
            )


@rules.rule(23, "4.4.4.1")
def every_segment_has_a_duration(playlist: Playlist) -> Violations:
    """An EXTINF with a number stands before each URI, and each EXTINF before a URI."""
    for segment in playlist.segments:
        if segment.duration is None:
            yield segment.line, "a segment without a readable EXTINF"
    used = {tag.line for uri in playlist.uris if (tag := uri.tag("EXTINF"))}
    for tag in playlist.all("EXTINF"):
        if tag.line not in used:
            yield tag.line, "an EXTINF without a segment"


@rules.rule(24, "Tonearm")
def no_segment_is_empty(playlist: Playlist) -> Violations:
    """A segment lasts longer than 0 s: players divide by it."""
    for segment in playlist.segments:
        if segment.duration == 0:
            yield segment.line, "a segment of 0 s"


@rules.rule(25, "8")
def the_version_covers_what_is_used(playlist: Playlist) -> Violations:
    """EXT-X-VERSION is at least what the oldest client that understands the playlist announces."""
    told = version_of(playlist)
    for needed, line, why in _needs(playlist):
        if told < needed:
            yield line, f"{why} needs version {needed}, the playlist says {told}"
            return


@rules.rule(26, "4.4.4.4")
def keys_are_complete(playlist: Playlist) -> Violations:
    """EXT-X-KEY has a known METHOD, a URI unless it is NONE, a well-formed IV and KEYFORMATVERSIONS."""
    for tag in playlist.all("EXT-X-KEY"):
        yield from key_violations(tag)


@rules.rule(27, "4.4.4.5")
def init_sections_have_an_address(playlist: Playlist) -> Violations:
    """EXT-X-MAP has a URI."""
    for tag in playlist.all("EXT-X-MAP"):
        if "URI" not in tag.attributes and not tag.problem:
            yield tag.line, "EXT-X-MAP without a URI"


@rules.rule(28, "3.1.2")
def fragmented_mp4_has_an_init_section(playlist: Playlist) -> Violations:
    """An EXT-X-MAP applies to every fragmented MP4 segment."""
    for segment in playlist.segments:
        if segment.init is None and segment.uri.partition("?")[0].endswith((".m4s", ".mp4", ".cmfa")):
            yield segment.line, "a fragmented MP4 segment without EXT-X-MAP"


@rules.rule(29, "4.4.4.5")
def an_encrypted_init_section_has_an_iv(playlist: Playlist) -> Violations:
    """Where METHOD=AES-128 applies to an EXT-X-MAP, the key has an IV: there is no sequence number to take one from."""
    without = False
    for tag in playlist.tags:
        if tag.name == "EXT-X-KEY":
            without = tag.attributes.get("METHOD") == "AES-128" and "IV" not in tag.attributes
        elif tag.name == "EXT-X-MAP" and without:
            yield tag.line, "an init section encrypted with AES-128, and no IV"


@rules.rule(30, "4.4.3.5")
def the_playlist_type_is_known(playlist: Playlist) -> Violations:
    """EXT-X-PLAYLIST-TYPE is EVENT or VOD."""
    for tag in playlist.all("EXT-X-PLAYLIST-TYPE"):
        if tag.value not in ("EVENT", "VOD"):
            yield tag.line, f"EXT-X-PLAYLIST-TYPE {tag.value[:40]!r}"


@rules.rule(31, "6.2.1")
def a_finished_playlist_says_so(playlist: Playlist) -> Violations:
    """A playlist of a recording ends with EXT-X-ENDLIST, and nothing follows it; else players reload it for ever."""
    ends = playlist.all("EXT-X-ENDLIST")
    if not ends:
        yield len(playlist.lines), "no EXT-X-ENDLIST"
    elif playlist.uris and playlist.uris[-1].line > ends[0].line:
        yield playlist.uris[-1].line, "a segment after EXT-X-ENDLIST"


@rules.rule(32, "Tonearm")
def there_are_segments(playlist: Playlist) -> Violations:
    """A song has at least one segment, and no segment twice."""
    if not playlist.uris:
        yield 1, "no segment"
    ranges = bool(playlist.all("EXT-X-BYTERANGE"))
    seen = Counter(uri.text for uri in playlist.uris)
    for uri in playlist.uris:
        if not ranges and seen[uri.text] > 1:
            yield uri.line, f"{uri.text[:80]} stands {seen[uri.text]} times"


@rules.rule(33, "FACTS, players", "warning")
def no_identity_key_beside_others(playlist: Playlist) -> Violations:
    """No EXT-X-KEY of the key format identity applies beside others: hls.js takes it and fails."""
    for segment in playlist.segments:
        formats = {unquoted(key.attributes.get("KEYFORMAT", '"identity"')) for key in segment.keys}
        if len(formats) > 1 and "identity" in formats:
            yield segment.keys[-1].line, "an identity key and others apply to one segment"
            return


def _needs(playlist: Playlist) -> Iterator[tuple[int, int, str]]:
    """Which version each feature asks for (§8), at which line, and its name."""
    only_frames = bool(playlist.all("EXT-X-I-FRAMES-ONLY"))
    for tag in playlist.tags:
        if tag.name == "EXT-X-KEY" and "IV" in tag.attributes:
            yield 2, tag.line, "EXT-X-KEY with an IV"
        if tag.name == "EXT-X-KEY" and tag.attributes.keys() & {"KEYFORMAT", "KEYFORMATVERSIONS"}:
            yield 5, tag.line, "EXT-X-KEY with a KEYFORMAT"
        if tag.name == "EXTINF" and (seconds := extinf_seconds(tag)) and "." in tag.value.partition(",")[0]:
            yield 3, tag.line, f"an EXTINF of {float(seconds)} s"
        if tag.name in ("EXT-X-BYTERANGE", "EXT-X-I-FRAMES-ONLY"):
            yield 4, tag.line, tag.name
        if tag.name == "EXT-X-DEFINE":
            yield (11 if "QUERYPARAM" in tag.attributes else 8), tag.line, "EXT-X-DEFINE"
        if tag.name == "EXT-X-SKIP":
            yield (10 if "RECENTLY-REMOVED-DATERANGES" in tag.attributes else 9), tag.line, "EXT-X-SKIP"
        if tag.name == "EXT-X-MAP":
            yield (5 if only_frames else 6), tag.line, "EXT-X-MAP"


def _nearest(seconds: Fraction) -> int:
    return math.floor(seconds + Fraction(1, 2))
