"""Reading a playlist (RFC 8216bis §4.1): lines, tags, URIs, and what applies to each segment.

The reader takes what it gets: it raises `ManifestError` only for what is no text or far too much, and leaves judging to
`manifests.rules`. Time and memory are linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from manifests import attributes
from manifests.byte_range import ByteRange, of_length
from media.errors import ManifestError

MAX_SIZE = 1 << 19  # characters; ten hours in four-second segments have half of that
MAX_KEY_FORMATS = 16  # at a time; all key systems together are fewer
# Tags whose value is an attribute list
LISTS = frozenset(
    f"EXT-X-{name}"
    for name in [
        "CONTENT-STEERING",
        "DATERANGE",
        "DEFINE",
        "I-FRAME-STREAM-INF",
        "KEY",
        "MAP",
        "MEDIA",
        "PART",
        "PART-INF",
        "PRELOAD-HINT",
        "RENDITION-REPORT",
        "SERVER-CONTROL",
        "SESSION-DATA",
        "SESSION-KEY",
        "SKIP",
        "START",
        "STREAM-INF",
    ]
)
_DURATION = re.compile(r"([0-9]{1,10}(?:\.[0-9]{0,12})?)(?:,.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tag:
    """One ``#EXT…`` line. `attributes` are as written, quotation marks included; empty when `problem` says why."""

    line: int
    name: str
    value: str
    attributes: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Uri:
    """One URI line and the tags since the one before."""

    line: int
    text: str
    tags: tuple[Tag, ...]

    def tag(self, name: str) -> Tag | None:
        """The last tag of that name."""
        return next((tag for tag in reversed(self.tags) if tag.name == name), None)


@dataclass(frozen=True, slots=True)
class MediaSegment:
    """A media segment. `duration` is in seconds, ``None`` when it has no readable EXTINF; `init` and `keys` are what applies to it.

    `byte_range` is the part of the file that it is, ``None`` for all of it and for what cannot be told; `discontinuity`
    says that an EXT-X-DISCONTINUITY stands before it.
    """

    line: int
    uri: str
    duration: Fraction | None
    init: Tag | None
    keys: tuple[Tag, ...]
    byte_range: ByteRange | None = None
    discontinuity: bool = False


@dataclass(frozen=True, slots=True)
class Playlist:
    lines: tuple[str, ...]
    tags: tuple[Tag, ...]
    uris: tuple[Uri, ...]
    segments: tuple[MediaSegment, ...]

    def all(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name == name]


def read(text: str | bytes) -> Playlist:
    """Split a playlist into tags and URIs. Raises `ManifestError` for bytes that are no UTF-8, and for too much of anything."""
    if len(text) > MAX_SIZE:
        raise ManifestError(f"playlist: {len(text)} characters, at most {MAX_SIZE} are read")
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise ManifestError(f"playlist: not UTF-8 at byte {error.start}") from None
    lines = tuple(line.removesuffix("\r") for line in text.removesuffix("\n").split("\n"))
    tags: list[Tag] = []
    uris: list[Uri] = []
    since = 0
    for number, line in enumerate(lines, start=1):
        if line.startswith("#EXT"):
            tags.append(_tag(number, line))
        elif line and not line.startswith("#"):
            uris.append(Uri(number, line, tuple(tags[since:])))
            since = len(tags)
    return Playlist(lines, tuple(tags), tuple(uris), tuple(_segments(uris)))


def _tag(number: int, line: str) -> Tag:
    name, _, value = line[1:].partition(":")
    if name not in LISTS:
        return Tag(number, name, value, {})
    try:
        return Tag(number, name, value, attributes.read(value))
    except ManifestError as error:
        return Tag(number, name, value, {}, str(error))


def _segments(uris: list[Uri]) -> Iterator[MediaSegment]:
    """The URIs as media segments, each with the init section (§4.4.4.5) and the keys (§4.4.4.4) that apply to it."""
    init: Tag | None = None
    keys: dict[str, Tag] = {}
    before, following = "", 0  # the file of the segment before, and where its range ended
    for uri in uris:
        for tag in uri.tags:
            if tag.name == "EXT-X-MAP":
                init = tag
            elif tag.name == "EXT-X-KEY":
                if tag.attributes.get("METHOD") == "NONE":
                    keys = {}
                else:
                    keys[tag.attributes.get("KEYFORMAT", '"identity"')] = tag
                if len(keys) > MAX_KEY_FORMATS:
                    raise ManifestError(
                        f"line {tag.line}: keys of more than {MAX_KEY_FORMATS} formats at a time"
                    )
        extinf = uri.tag("EXTINF")
        duration = None if extinf is None else extinf_seconds(extinf)
        part = uri.tag("EXT-X-BYTERANGE")
        found = part and of_length(part.value, following if uri.text == before else None)
        before, following = (uri.text, found.last + 1) if found else ("", 0)
        yield MediaSegment(
            uri.line,
            uri.text,
            duration,
            init,
            tuple(keys.values()),
            found or None,
            uri.tag("EXT-X-DISCONTINUITY") is not None,
        )


def extinf_seconds(tag: Tag) -> Fraction | None:
    """The duration of an EXTINF tag (§4.4.4.1), or ``None`` when there is none to read."""
    match = _DURATION.fullmatch(tag.value)
    return Fraction(match.group(1).rstrip(".")) if match else None
