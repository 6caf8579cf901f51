"""Parts of files, breaks and precision in media playlists (RFC 8216bis §4.4.4), and what a song needs of them."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import defaultdict
from fractions import Fraction

from manifests.attributes import unquoted
from manifests.byte_range import ByteRange, of_length
from manifests.hls_reader import Playlist, Tag
from manifests.rule_book import RuleBook, Violations
from manifests.rules.hls_playlist import INTEGER

rules = RuleBook[Playlist]("HLS", "RFC 8216bis")
PERCEPTIBLE = Fraction(1, 1000)  # seconds; songs that are joined without a gap are heard to be off by less
_FULL_IV = re.compile(r"0[xX][0-9A-Fa-f]{32}", re.ASCII)
_KEY_SIZE = 16


@rules.rule(34, "4.4.4.2, §4.4.4.5")
def byte_ranges_can_be_told(playlist: Playlist) -> Violations:
    """A byte range is n[@o]; without an offset, the segment before is a part of the same file."""
    for segment, uri in zip(playlist.segments, playlist.uris, strict=True):
        tag = uri.tag("EXT-X-BYTERANGE")
        if tag is not None and segment.byte_range is None:
            yield (
                tag.line,
                f"EXT-X-BYTERANGE {tag.value[:40]!r} is no byte range, or has nothing to go on from",
            )
    for tag in playlist.all("EXT-X-MAP"):
        told = tag.attributes.get("BYTERANGE")
        if told is not None and of_length(unquoted(told), 0) is None:
            yield tag.line, f"EXT-X-MAP: BYTERANGE {told[:40]} is no byte range"


@rules.rule(35, "4.4.4.2")
def byte_ranges_do_not_overlap(playlist: Playlist) -> Violations:
    """Parts of one file, the init section's included, do not overlap."""
    parts: dict[str, list[tuple[ByteRange, int]]] = defaultdict(list)
    inits: dict[int, Tag] = {}
    for segment in playlist.segments:
        if segment.byte_range is not None:
            parts[segment.uri].append((segment.byte_range, segment.line))
        if segment.init is not None:
            inits[segment.init.line] = segment.init
    for line, tag in inits.items():
        told = of_length(unquoted(tag.attributes.get("BYTERANGE", "")), 0)
        uri = unquoted(tag.attributes.get("URI", ""))
        if told is not None and uri in parts:
            parts[uri].append((told, line))
    for uri, found in parts.items():
        end = -1
        for part, line in sorted(found):
            if part.first <= end:
                yield line, f"bytes {part.first} to {part.last} of {uri[:80]} begin before byte {end + 1}"
            end = max(end, part.last)


@rules.rule(36, "4.4.4.3", "warning")
def a_song_has_no_breaks(playlist: Playlist) -> Violations:
    """There is no EXT-X-DISCONTINUITY: at one, players set up the decoder anew, which is heard."""
    for tag in playlist.all("EXT-X-DISCONTINUITY"):
        yield tag.line, "EXT-X-DISCONTINUITY inside a song"


@rules.rule(37, "Tonearm")
def all_is_encrypted_or_nothing(playlist: Playlist) -> Violations:
    """A key applies to all segments or to none: what is left in the clear can be kept by anybody."""
    keyed = [bool(segment.keys) for segment in playlist.segments]
    if any(keyed) and not all(keyed):
        first = keyed.index(False)
        clear = len(keyed) - sum(keyed)
        yield playlist.segments[first].line, f"{clear} of {len(keyed)} segments are in the clear"


@rules.rule(38, "4.4.3.2, §4.4.3.3")
def sequence_numbers_stand_in_front(playlist: Playlist) -> Violations:
    """EXT-X-MEDIA-SEQUENCE and EXT-X-DISCONTINUITY-SEQUENCE are integers and stand before the first segment."""
    first = playlist.uris[0].line if playlist.uris else len(playlist.lines) + 1
    for name in ("EXT-X-MEDIA-SEQUENCE", "EXT-X-DISCONTINUITY-SEQUENCE"):
        for tag in playlist.all(name):
            if not INTEGER.fullmatch(tag.value):
                yield tag.line, f"{name} {tag.value[:40]!r} is no number"
            elif tag.line > first:
                yield tag.line, f"{name} behind a segment"


@rules.rule(39, "4.4.4.4", "warning")
def ivs_have_all_their_digits(playlist: Playlist) -> Violations:
    """An IV is written with its 32 digits: players that read bytes take a shorter one for another."""
    for tag in playlist.all("EXT-X-KEY"):
        iv = tag.attributes.get("IV")
        if iv is not None and not _FULL_IV.fullmatch(iv):
            yield tag.line, f"IV {iv[:40]} does not have 32 digits"


@rules.rule(50, "4.4.4.4")
def keys_in_playlists_are_keys(playlist: Playlist) -> Violations:
    """An identity key in a data address is 16 bytes."""
    for tag in playlist.all("EXT-X-KEY"):
        key = identity_key(tag)
        if key is not None and len(key) != _KEY_SIZE:
            yield tag.line, f"the data address holds {len(key)} bytes, a key has {_KEY_SIZE}"


@rules.rule(51, "4.4.4.1", "warning")
def durations_are_exact_enough(playlist: Playlist) -> Violations:
    """EXTINF has enough decimals: what rounding may add up to over all segments is no more than a millisecond."""
    tags = playlist.all("EXTINF")
    decimals = [len(tag.value.partition(",")[0].partition(".")[2]) for tag in tags]
    drift = sum((Fraction(1, 2 * 10**count) for count in decimals), Fraction(0))
    if drift > PERCEPTIBLE and len(tags) > 1:
        yield (
            tags[0].line,
            f"EXTINF of {min(decimals)} decimals: over {len(tags)} segments they may be off by {float(drift) * 1000:.0f} ms",
        )


@rules.rule(52, "4.4.3.1", "warning")
def the_target_duration_is_no_larger_than_needed(playlist: Playlist) -> Violations:
    """EXT-X-TARGETDURATION is no more than the longest EXTINF, rounded to the nearest integer, makes it: players wait and buffer by it."""
    longest = max((segment.duration or 0 for segment in playlist.segments), default=0)
    due = max(1, int(longest + Fraction(1, 2)))
    for tag in playlist.all("EXT-X-TARGETDURATION"):
        if INTEGER.fullmatch(tag.value) and int(tag.value) > due:
            yield tag.line, f"EXT-X-TARGETDURATION {tag.value}, the longest segment makes it {due}"


def identity_key(tag: Tag) -> bytes | None:
    """What the data address of an identity key holds; ``None`` for another address, no bytes for one that is not base64."""
    uri = unquoted(tag.attributes.get("URI", ""))
    identity = unquoted(tag.attributes.get("KEYFORMAT", '"identity"')) == "identity"
    if not identity or not uri.startswith("data:"):
        return None
    head, _, data = uri.partition(",")
    try:
        return b64decode(data, validate=True) if head.endswith(";base64") else b""
    except ValueError:
        return b""
