"""The rules of multivariant playlists (RFC 8216bis §4.4.6)."""

from __future__ import annotations

import re
from collections import Counter

from manifests.attributes import unquoted
from manifests.hls_reader import Playlist, Tag
from manifests.rule_book import RuleBook, Violations
from manifests.rules import hls_playlist, hls_renditions, hls_values
from manifests.rules.hls_playlist import INTEGER, MEDIA_TAGS, key_violations

_STABLE_ID = re.compile(r"[A-Za-z0-9+/=._-]+", re.ASCII)
_CODEC = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*", re.ASCII)

rules = RuleBook[Playlist]("HLS", "RFC 8216bis", hls_playlist.rules, hls_values.rules, hls_renditions.rules)


def _variants(playlist: Playlist) -> list[Tag]:
    return [tag for tag in playlist.all("EXT-X-STREAM-INF") if not tag.problem]


@rules.rule(40, "4.4.3")
def no_tags_of_a_media_playlist(playlist: Playlist) -> Violations:
    """Tags of media playlists and segments do not stand in a multivariant playlist."""
    for tag in playlist.tags:
        if tag.name in MEDIA_TAGS:
            yield tag.line, f"{tag.name} in a multivariant playlist"


@rules.rule(41, "4.4.6.2")
def every_variant_has_its_playlist(playlist: Playlist) -> Violations:
    """EXT-X-STREAM-INF is followed by the line with its URI, and every URI has one; there is at least one."""
    variants = {tag.line for tag in playlist.all("EXT-X-STREAM-INF")}
    uris = {uri.line for uri in playlist.uris}
    if not variants:
        yield 1, "no EXT-X-STREAM-INF"
    for line in sorted(variants):
        if line + 1 not in uris:
            yield line, "EXT-X-STREAM-INF without a URI on the next line"
    for line in sorted(uris):
        if line - 1 not in variants:
            yield line, "a URI without EXT-X-STREAM-INF on the line before"


@rules.rule(42, "4.4.6.2")
def every_variant_has_a_bandwidth(playlist: Playlist) -> Violations:
    """BANDWIDTH is there, an integer above zero; AVERAGE-BANDWIDTH, where it is, is no larger."""
    for tag in _variants(playlist):
        peak, average = tag.attributes.get("BANDWIDTH", ""), tag.attributes.get("AVERAGE-BANDWIDTH", "1")
        if not INTEGER.fullmatch(peak) or int(peak) == 0:
            yield tag.line, f"BANDWIDTH {peak[:40]!r} is no number of bits per second"
        elif not INTEGER.fullmatch(average) or not 0 < int(average) <= int(peak):
            yield tag.line, f"AVERAGE-BANDWIDTH {average[:40]!r} is no number up to BANDWIDTH {peak}"


@rules.rule(43, "4.4.6.2")
def every_variant_names_its_codecs(playlist: Playlist) -> Violations:
    """CODECS is there and lists RFC 6381 names: without it a player must load a segment to know whether it can play it."""
    for tag in _variants(playlist):
        codecs = unquoted(tag.attributes.get("CODECS", "")).split(",")
        if not all(_CODEC.fullmatch(codec.strip(" ")) for codec in codecs):
            yield tag.line, f"CODECS {','.join(codecs)[:80]!r}"


@rules.rule(44, "4.4.6.2")
def stable_ids_are_stable(playlist: Playlist) -> Violations:
    """STABLE-VARIANT-ID has only the characters it may have, and no two variants share one."""
    seen: Counter[str] = Counter()
    for tag in _variants(playlist):
        if (given := tag.attributes.get("STABLE-VARIANT-ID")) is None:
            continue
        seen[given] += 1
        if not _STABLE_ID.fullmatch(unquoted(given)):
            yield tag.line, f"STABLE-VARIANT-ID {given[:40]}"
        elif seen[given] > 1:
            yield tag.line, f"STABLE-VARIANT-ID {given[:40]} stands more than once"


@rules.rule(45, "4.4.6.5")
def session_keys_are_complete(playlist: Playlist) -> Violations:
    """EXT-X-SESSION-KEY is a complete key, never NONE, and none stands twice."""
    seen: Counter[tuple[str, ...]] = Counter()
    for tag in playlist.all("EXT-X-SESSION-KEY"):
        yield from key_violations(tag)
        if tag.attributes.get("METHOD") == "NONE":
            yield tag.line, "EXT-X-SESSION-KEY with METHOD=NONE"
        same = ("METHOD", "URI", "IV", "KEYFORMAT", "KEYFORMATVERSIONS")
        key = tuple(tag.attributes.get(name, "") for name in same)
        seen[key] += 1
        if seen[key] > 1:
            yield tag.line, "the same EXT-X-SESSION-KEY again"


@rules.rule(46, "Tonearm")
def no_variant_twice(playlist: Playlist) -> Violations:
    """No two variants have the same media playlist."""
    seen: Counter[str] = Counter()
    for uri in playlist.uris:
        seen[uri.text] += 1
        if seen[uri.text] > 1:
            yield uri.line, f"{uri.text[:80]} stands more than once"
