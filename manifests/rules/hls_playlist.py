"""What holds for every HLS playlist (RFC 8216bis §4.1, §4.2, §4.4.1, §4.4.2). HLS-1 is that it can be read at all."""

from __future__ import annotations

import re
from collections import Counter

from manifests.hls_reader import Playlist, Tag
from manifests.rule_book import RuleBook, Violations

MEDIA_TAGS = frozenset(
    [
        "EXTINF",
        *(
            f"EXT-X-{name}"
            for name in [
                "BITRATE",
                "BYTERANGE",
                "DISCONTINUITY",
                "DISCONTINUITY-SEQUENCE",
                "ENDLIST",
                "GAP",
                "I-FRAMES-ONLY",
                "KEY",
                "MAP",
                "MEDIA-SEQUENCE",
                "PART",
                "PART-INF",
                "PLAYLIST-TYPE",
                "PROGRAM-DATE-TIME",
                "SERVER-CONTROL",
                "TARGETDURATION",
            ]
        ),
    ]
)
MULTIVARIANT_TAGS = frozenset(
    f"EXT-X-{name}"
    for name in [
        "CONTENT-STEERING",
        "I-FRAME-STREAM-INF",
        "MEDIA",
        "SESSION-DATA",
        "SESSION-KEY",
        "STREAM-INF",
    ]
)
# Tags of which the standard allows one in a playlist
ONCE = frozenset(
    ["EXTM3U"]
    + [
        f"EXT-X-{name}"
        for name in [
            "CONTENT-STEERING",
            "DISCONTINUITY-SEQUENCE",
            "ENDLIST",
            "I-FRAMES-ONLY",
            "INDEPENDENT-SEGMENTS",
            "MEDIA-SEQUENCE",
            "PART-INF",
            "PLAYLIST-TYPE",
            "SERVER-CONTROL",
            "START",
            "TARGETDURATION",
            "VERSION",
        ]
    ]
)
QUOTED = frozenset(
    [
        "URI",
        "KEYFORMAT",
        "KEYFORMATVERSIONS",
        "CODECS",
        "SUPPLEMENTAL-CODECS",
        "STABLE-VARIANT-ID",
        "AUDIO",
        "GROUP-ID",
        "NAME",
        "LANGUAGE",
        "ASSOC-LANGUAGE",
        "BYTERANGE",
        "CHANNELS",
        "CHARACTERISTICS",
        "DATA-ID",
        "IMPORT",
        "INSTREAM-ID",
        "PATHWAY-ID",
        "QUERYPARAM",
        "SERVER-URI",
        "STABLE-RENDITION-ID",
        "SUBTITLES",
        "VALUE",
        "VIDEO",
    ]
)
METHODS = frozenset(["NONE", "AES-128", "SAMPLE-AES", "SAMPLE-AES-CTR"])

INTEGER = re.compile(r"[0-9]{1,20}", re.ASCII)
_URI = re.compile(
    r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%{}-]+", re.ASCII
)  # RFC 3986 §2; braces for EXT-X-DEFINE
_CONTROL = re.compile("[\x00-\x1f\x7f\ufeff]")
_IV = re.compile(r"0[xX][0-9A-Fa-f]{1,32}", re.ASCII)
_VERSIONS = re.compile(r'"[0-9]+(/[0-9]+)*"', re.ASCII)

rules = RuleBook[Playlist]("HLS", "RFC 8216bis")


@rules.rule(2, "4.4.1.1")
def starts_with_extm3u(playlist: Playlist) -> Violations:
    """The first line is #EXTM3U, and nothing stands before it."""
    if playlist.lines[0] != "#EXTM3U":
        yield 1, "the first line is not #EXTM3U"


@rules.rule(3, "4.1")
def plain_text(playlist: Playlist) -> Violations:
    """No byte order mark, no control characters."""
    for number, line in enumerate(playlist.lines, start=1):
        if _CONTROL.search(line):
            yield number, "a control character or byte order mark"


@rules.rule(4, "4.2")
def attribute_lists_can_be_read(playlist: Playlist) -> Violations:
    """An attribute list is NAME=value, separated by commas, each name once."""
    for tag in playlist.tags:
        if tag.problem:
            yield tag.line, f"{tag.name}: {tag.problem}"


@rules.rule(5, "4.2")
def strings_are_quoted(playlist: Playlist) -> Violations:
    """Attributes that are quoted strings have quotation marks."""
    for tag in playlist.tags:
        for name, value in tag.attributes.items():
            if name in QUOTED and not value.startswith('"'):
                yield tag.line, f"{tag.name}: {name} is not quoted"


@rules.rule(6, "4.4")
def tags_that_stand_once(playlist: Playlist) -> Violations:
    """Tags that describe the whole playlist stand in it once."""
    seen: Counter[str] = Counter()
    for tag in playlist.tags:
        seen[tag.name] += 1
        if tag.name in ONCE and seen[tag.name] > 1:
            yield tag.line, f"{tag.name} stands more than once"


@rules.rule(7, "4.1")
def addresses_are_uris(playlist: Playlist) -> Violations:
    """A URI line and a URI attribute hold a URI: no spaces, no raw Unicode."""
    for uri in playlist.uris:
        if not _URI.fullmatch(uri.text):
            yield uri.line, f"no URI: {uri.text[:80]!r}"
    for tag in playlist.tags:
        value = tag.attributes.get("URI", '"-"').strip('"')
        if not _URI.fullmatch(value):
            yield tag.line, f"{tag.name}: no URI: {value[:80]!r}"


@rules.rule(8, "4.4.1.2")
def the_version_is_a_number(playlist: Playlist) -> Violations:
    """EXT-X-VERSION is an integer."""
    for tag in playlist.all("EXT-X-VERSION"):
        if not INTEGER.fullmatch(tag.value):
            yield tag.line, f"EXT-X-VERSION {tag.value[:40]!r} is no number"


def key_violations(tag: Tag) -> Violations:
    """What EXT-X-KEY and EXT-X-SESSION-KEY have in common (§4.4.4.4)."""
    values = tag.attributes
    method = values.get("METHOD", "none at all")
    if tag.problem:
        return
    if method not in METHODS:
        yield tag.line, f"{tag.name}: METHOD is {method[:40]}"
    elif method == "NONE":
        if len(values) > 1:
            yield tag.line, f"{tag.name}: METHOD=NONE with other attributes"
    elif "URI" not in values:
        yield tag.line, f"{tag.name}: no URI"
    if "IV" in values and not _IV.fullmatch(values["IV"]):
        yield tag.line, f"{tag.name}: IV is no hexadecimal number of 128 bits"
    if not _VERSIONS.fullmatch(values.get("KEYFORMATVERSIONS", '"1"')):
        yield tag.line, f"{tag.name}: KEYFORMATVERSIONS is no list of numbers"


def version_of(playlist: Playlist) -> int:
    """The compatibility version; 1 when none is given (§7)."""
    told = [tag.value for tag in playlist.all("EXT-X-VERSION") if INTEGER.fullmatch(tag.value)]
    return int(told[0]) if told else 1
