"""Values that a standard counts up, and the tags that any playlist may have (RFC 8216bis §4.2, §4.4.2)."""

from __future__ import annotations

import re
from collections import Counter

from manifests.attributes import unquoted
from manifests.hls_reader import Playlist, Tag
from manifests.rule_book import RuleBook, Violations
from manifests.rules.hls_playlist import MEDIA_TAGS, MULTIVARIANT_TAGS

YES_OR_NO = frozenset(["YES", "NO"])
# By tag and attribute. METHOD of keys has a rule of its own.
VALUES = {
    ("EXT-X-MEDIA", "TYPE"): frozenset(["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"]),
    ("EXT-X-MEDIA", "DEFAULT"): YES_OR_NO,
    ("EXT-X-MEDIA", "AUTOSELECT"): YES_OR_NO,
    ("EXT-X-MEDIA", "FORCED"): YES_OR_NO,
    ("EXT-X-STREAM-INF", "HDCP-LEVEL"): frozenset(["TYPE-0", "TYPE-1", "NONE"]),
    ("EXT-X-STREAM-INF", "VIDEO-RANGE"): frozenset(["SDR", "HLG", "PQ"]),
    ("EXT-X-SESSION-DATA", "FORMAT"): frozenset(["JSON", "RAW"]),
    ("EXT-X-START", "PRECISE"): YES_OR_NO,
    ("EXT-X-PART", "INDEPENDENT"): frozenset(["YES"]),
    ("EXT-X-PART", "GAP"): frozenset(["YES"]),
    ("EXT-X-PRELOAD-HINT", "TYPE"): frozenset(["PART", "MAP"]),
    ("EXT-X-SERVER-CONTROL", "CAN-BLOCK-RELOAD"): frozenset(["YES"]),
    ("EXT-X-SERVER-CONTROL", "CAN-SKIP-DATERANGES"): frozenset(["YES"]),
}
KNOWN = (
    MEDIA_TAGS
    | MULTIVARIANT_TAGS
    | {"EXTM3U"}
    | {
        f"EXT-X-{name}"
        for name in [
            "DATERANGE",
            "DEFINE",
            "INDEPENDENT-SEGMENTS",
            "PRELOAD-HINT",
            "RENDITION-REPORT",
            "SKIP",
            "START",
            "VERSION",
        ]
    }
)
_SIGNED = re.compile(r"-?[0-9]{1,18}(\.[0-9]{0,18})?", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_REFERENCE = re.compile(r"\{\$([A-Za-z0-9_-]+)\}", re.ASCII)
_SOURCES = ("NAME", "IMPORT", "QUERYPARAM")

rules = RuleBook[Playlist]("HLS", "RFC 8216bis")


@rules.rule(9, "4.2")
def enumerated_values_are_known(playlist: Playlist) -> Violations:
    """An attribute whose values the standard counts up has one of them, without quotation marks."""
    for tag in playlist.tags:
        for name, value in tag.attributes.items():
            allowed = VALUES.get((tag.name, name))
            if allowed is not None and value not in allowed:
                yield (
                    tag.line,
                    f"{tag.name}: {name} is {value[:40]}, one of {', '.join(sorted(allowed))} expected",
                )


@rules.rule(10, "4.4.2.2")
def the_start_is_a_place(playlist: Playlist) -> Violations:
    """EXT-X-START has a TIME-OFFSET, a number of seconds that lies inside the playlist."""
    length = sum(segment.duration or 0 for segment in playlist.segments)
    for tag in playlist.all("EXT-X-START"):
        offset = tag.attributes.get("TIME-OFFSET", "")
        if tag.problem:
            continue
        if not _SIGNED.fullmatch(offset):
            yield tag.line, f"EXT-X-START: TIME-OFFSET {offset[:40]!r} is no number of seconds"
        elif length and abs(float(offset)) > length:
            yield tag.line, f"EXT-X-START: TIME-OFFSET {offset} lies outside of {float(length):.3f} s"


@rules.rule(11, "4.4.2.3, §4.3")
def variables_are_defined(playlist: Playlist) -> Violations:
    """EXT-X-DEFINE has one of NAME with VALUE, IMPORT and QUERYPARAM, defines a name once, and a variable is used behind its definition only."""
    defined: Counter[str] = Counter()
    definitions = {tag.line: tag for tag in playlist.all("EXT-X-DEFINE")}
    for number, line in enumerate(playlist.lines, start=1):
        if (tag := definitions.get(number)) is not None and not tag.problem:
            yield from _definition(tag, defined)
        for name in _REFERENCE.findall(line):
            if not defined[name]:
                yield number, f"the variable {name[:40]} is not defined above"


def _definition(tag: Tag, defined: Counter[str]) -> Violations:
    told = [name for name in _SOURCES if name in tag.attributes]
    if len(told) != 1:
        yield tag.line, f"EXT-X-DEFINE with {' and '.join(told) or 'nothing to define'}"
        return
    if ("VALUE" in tag.attributes) != (told == ["NAME"]):
        yield tag.line, "EXT-X-DEFINE: NAME goes with a VALUE, and nothing else does"
    name = unquoted(tag.attributes[told[0]])
    defined[name] += 1
    if not _VARIABLE.fullmatch(name):
        yield tag.line, f"EXT-X-DEFINE: {name[:40]!r} is no name of a variable"
    elif defined[name] > 1:
        yield tag.line, f"EXT-X-DEFINE: {name[:40]} is defined more than once"


@rules.rule(12, "4.1, 6.3.1", "warning")
def tags_are_known(playlist: Playlist) -> Violations:
    """A tag is one of the standard's: clients pass over others, and what was misspelt along with them."""
    for tag in playlist.tags:
        if tag.name not in KNOWN:
            yield tag.line, f"{tag.name[:40]} is no tag of the standard"
