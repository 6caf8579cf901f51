"""Reading an MPD (ISO/IEC 23009-1): the representations and the address and place of every segment.

What is read is a static MPD whose segments are addressed by SegmentTemplate, with a SegmentTimeline or a common duration, or
whose Representations are files with an index (SegmentBase), which is the file's and not read here. Other addressing is a
problem that the reader names and leaves to judge. The parser is deaf to everything that XML can be made
to do: a document type is refused before parsing, so there are no entities; nothing is fetched; size, depth and the numbers
of representations and segments are bounded.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any
from urllib.parse import urljoin, urlsplit

from lxml import etree

from manifests import segment_base, segment_template
from manifests.byte_range import ByteRange
from manifests.dash import CENC, CLEARKEY, DASHIF, MP4_PROTECTION, MPD
from manifests.segment_template import INTEGER, MpdSegment, integer
from media.errors import FormatError, ManifestError
from media.safe_xml import parse

MAX_SIZE = 1 << 19  # characters
MAX_REPRESENTATIONS = 100
MAX_SEGMENTS = 100_000  # of all representations; four of ten hours in four-second segments have 36,000
ADAPTATION_SETS = "m:Period/m:AdaptationSet"
NAMES = {"m": MPD, "cenc": CENC, "dashif": DASHIF, "mspr": "urn:microsoft:playready"}

_DURATION = re.compile(
    r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,12})?)S)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class MpdProtection:
    """One ContentProtection; `kids` as written, `pssh` and `pro` (PlayReady's object) in base64, empty where there is none."""

    line: int
    scheme_id: str
    value: str
    kids: tuple[str, ...]
    pssh: str
    pro: str


@dataclass(frozen=True, slots=True)
class MpdRepresentation:
    """One Representation with what it inherits. `scheme`, `kid` and `license_url` are empty when it is in the clear.

    `adaptation_set` counts the AdaptationSets of the MPD from 0. `init` and the addresses of segments are relative to the
    MPD, or absolute where a BaseURL is; of several BaseURLs of one element the first holds. A file with an index has
    `index_range`, perhaps `init_range`, and no `segments`. `time_offset` is @presentationTimeOffset in ticks.
    """

    line: int
    adaptation_set: int
    id: str
    codecs: str
    bandwidth: int
    sample_rate: int
    channels: str
    timescale: int
    init: str
    segments: tuple[MpdSegment, ...]
    scheme: str
    kid: str
    license_url: str
    init_range: ByteRange | None = None
    index_range: ByteRange | None = None
    time_offset: int = 0
    protections: tuple[MpdProtection, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Mpd:
    """What was read: `duration` in seconds, the representations, and what could not be read, by line."""

    root: etree._Element
    duration: Fraction | None
    representations: tuple[MpdRepresentation, ...]
    problems: tuple[tuple[int, str], ...]


def _parse(text: str | bytes) -> etree._Element:
    """The root element. Raises `ManifestError` for what is no XML, has a document type, or is far too long."""
    try:
        return parse(text.encode() if isinstance(text, str) else text, "MPD", limit=MAX_SIZE)
    except UnicodeError:
        raise ManifestError("MPD: not UTF-8") from None
    except FormatError as error:
        raise ManifestError(str(error)) from None


def seconds(text: str) -> Fraction:
    """An xs:duration of days, hours, minutes and seconds. Raises `ManifestError`."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ManifestError(f"{text[:40]!r} is no duration")
    days, hours, minutes, rest = (Fraction(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def line_of(element: etree._Element) -> int:
    line: Any = element.sourceline
    return int(line or 1)


def read(text: str | bytes) -> Mpd:
    """Read an MPD. Raises `ManifestError` for what is no XML or too much of it."""
    root = _parse(text)
    representations: list[MpdRepresentation] = []
    problems: list[tuple[int, str]] = []
    budget = iter(range(MAX_SEGMENTS))
    try:
        duration = seconds(root.get("mediaPresentationDuration", ""))
    except ManifestError:
        duration = None
    for index, adaptation in enumerate(root.iterfind(ADAPTATION_SETS, NAMES)):
        for element in adaptation.iterfind("m:Representation", NAMES):
            if len(representations) + len(problems) >= MAX_REPRESENTATIONS:
                raise ManifestError(f"MPD: more than {MAX_REPRESENTATIONS} representations")
            try:
                representations.append(_representation(element, index, duration, budget))
            except ManifestError as error:
                problems.append((line_of(element), str(error)))
    return Mpd(root, duration, tuple(representations), tuple(problems))


def _representation(
    element: etree._Element, adaptation_set: int, duration: Fraction | None, budget: Iterator[int]
) -> MpdRepresentation:
    """One Representation, expanded. Raises `ManifestError` for what it lacks or cannot mean."""
    common = inherited(element, "ContentProtection", f"[@schemeIdUri='{MP4_PROTECTION}']")
    clearkey = inherited(element, "ContentProtection", f"[@schemeIdUri='{CLEARKEY}']")
    channels = inherited(element, "AudioChannelConfiguration")
    name, bandwidth = element.get("id", ""), integer(element, "bandwidth")
    addressing = _addressing(element, name, bandwidth, duration, budget)
    return MpdRepresentation(
        line=line_of(element),
        adaptation_set=adaptation_set,
        id=name,
        codecs=attribute(element, "codecs"),
        bandwidth=bandwidth,
        sample_rate=int(rate) if INTEGER.fullmatch(rate := attribute(element, "audioSamplingRate")) else 0,
        channels="" if channels is None else channels.get("value", ""),
        scheme="" if common is None else common.get("value", ""),
        kid="" if common is None else common.get(f"{{{CENC}}}default_KID", ""),
        license_url=next((found for each in (clearkey, common) if (found := _licence(each))), ""),
        protections=_protections(element),
        **addressing,
    )


def _addressing(
    element: etree._Element, name: str, bandwidth: int, duration: Fraction | None, budget: Iterator[int]
) -> dict[str, Any]:
    """Where the header and the segments are. Raises `ManifestError`."""
    here = base_url(element)
    base = segment_base.inherit(element)
    if base is not None:
        return {
            "timescale": base.timescale,
            "init": joined(here, base.init_url) if base.init_url else here,
            "init_range": base.init_range,
            "index_range": base.index_range,
            "segments": (),
            "time_offset": base.time_offset,
        }
    template = segment_template.inherit(element)
    return {
        "timescale": template.timescale,
        "init": joined(here, template.init(name, bandwidth)),
        "segments": tuple(
            replace(segment, url=joined(here, segment.url))
            for segment in template.segments(name, bandwidth, duration, budget)
        ),
        "time_offset": template.time_offset,
    }


def base_url(element: etree._Element) -> str:
    """What the addresses of `element` are relative to (§5.6.4), itself relative to the MPD; empty: the MPD."""
    address = ""
    for level in [*reversed(list(element.iterancestors())), element]:
        told = level.findtext("m:BaseURL", None, NAMES)
        if told is not None:
            address = joined(address, told.strip())
    return address


def joined(base: str, address: str) -> str:
    """`address` against `base` (RFC 3986 §5). Raises `ManifestError` for what is no address."""
    try:
        absolute = [bool(parts.scheme or parts.netloc) for parts in (urlsplit(base), urlsplit(address))]
        if any(absolute) or address.startswith("/"):
            return urljoin(base, address)
    except ValueError:
        raise ManifestError(f"{address[:80]!r} is no address") from None
    # urljoin knows no base without a host: it would drop the steps that climb.
    folder = posixpath.dirname(base)
    path = posixpath.normpath(posixpath.join(folder, address)) if folder else address
    return f"{path}/" if (folder and address.endswith(("/", "/.", "/.."))) or address in (".", "./") else path


def _protections(element: etree._Element) -> tuple[MpdProtection, ...]:
    """All ContentProtection of a Representation and of its AdaptationSet."""
    parent = element.getparent()
    found = [] if parent is None else parent.findall("m:ContentProtection", NAMES)
    return tuple(
        MpdProtection(
            line_of(each),
            each.get("schemeIdUri", "").lower(),
            each.get("value", ""),
            tuple(each.get(f"{{{CENC}}}default_KID", "").split()),
            "".join(each.findtext("cenc:pssh", "", NAMES).split()),
            "".join(each.findtext("mspr:pro", "", NAMES).split()),
        )
        for each in (*found, *element.iterfind("m:ContentProtection", NAMES))
    )


def attribute(element: etree._Element, name: str) -> str:
    """An attribute of a Representation or of its AdaptationSet (§5.3.7); empty when neither has it."""
    parent = element.getparent()
    return element.get(name, "") or ("" if parent is None else parent.get(name, ""))


def inherited(element: etree._Element, name: str, predicate: str = "") -> etree._Element | None:
    """A child of a Representation or of its AdaptationSet (§5.3.7)."""
    parent = element.getparent()
    found = element.find(f"m:{name}{predicate}", NAMES)
    return found if found is not None or parent is None else parent.find(f"m:{name}{predicate}", NAMES)


def _licence(protection: etree._Element | None) -> str:
    return "" if protection is None else protection.findtext("dashif:Laurl", "", NAMES).strip()
