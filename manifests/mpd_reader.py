"""Reading an MPD (ISO/IEC 23009-1): the representations and the address and place of every segment.

What is read is what we write: a static MPD whose segments are addressed by SegmentTemplate with SegmentTimeline. Other
addressing is a problem that the reader names and leaves to judge. The parser is deaf to everything that XML can be made
to do: a document type is refused before parsing, so there are no entities; nothing is fetched; size, depth and the numbers
of representations and segments are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from lxml import etree

from manifests import segment_template
from manifests.dash import CENC, CLEARKEY, DASHIF, MP4_PROTECTION, MPD
from manifests.segment_template import INTEGER, MpdSegment, integer
from media.errors import FormatError, ManifestError
from media.safe_xml import parse

MAX_SIZE = 1 << 19  # characters
MAX_REPRESENTATIONS = 100
MAX_SEGMENTS = 100_000  # of all representations; four of ten hours in four-second segments have 36,000
ADAPTATION_SETS = "m:Period/m:AdaptationSet"
NAMES = {"m": MPD, "cenc": CENC, "dashif": DASHIF}

_DURATION = re.compile(
    r"P(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,9}(?:\.\d{1,12})?)S)?)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class MpdRepresentation:
    """One Representation with what it inherits. `scheme`, `kid` and `license_url` are empty when it is in the clear.

    `adaptation_set` counts the AdaptationSets of the MPD from 0.
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
    if (base := root.find(".//m:BaseURL", NAMES)) is not None:
        problems.append((line_of(base), "BaseURL is not read: addresses are relative to the MPD"))
    budget = iter(range(MAX_SEGMENTS))
    for index, adaptation in enumerate(root.iterfind(ADAPTATION_SETS, NAMES)):
        for element in adaptation.iterfind("m:Representation", NAMES):
            if len(representations) + len(problems) >= MAX_REPRESENTATIONS:
                raise ManifestError(f"MPD: more than {MAX_REPRESENTATIONS} representations")
            try:
                representations.append(_representation(element, index, budget))
            except ManifestError as error:
                problems.append((line_of(element), str(error)))
    try:
        duration = seconds(root.get("mediaPresentationDuration", ""))
    except ManifestError:
        duration = None
    return Mpd(root, duration, tuple(representations), tuple(problems))


def _representation(element: etree._Element, adaptation_set: int, budget: Iterator[int]) -> MpdRepresentation:
    """One Representation, expanded. Raises `ManifestError` for what it lacks or cannot mean."""
    common = inherited(element, "ContentProtection", f"[@schemeIdUri='{MP4_PROTECTION}']")
    clearkey = inherited(element, "ContentProtection", f"[@schemeIdUri='{CLEARKEY}']")
    channels = inherited(element, "AudioChannelConfiguration")
    template = segment_template.inherit(element)
    name, bandwidth = element.get("id", ""), integer(element, "bandwidth")
    return MpdRepresentation(
        line=line_of(element),
        adaptation_set=adaptation_set,
        id=name,
        codecs=attribute(element, "codecs"),
        bandwidth=bandwidth,
        sample_rate=int(rate) if INTEGER.fullmatch(rate := attribute(element, "audioSamplingRate")) else 0,
        channels="" if channels is None else channels.get("value", ""),
        timescale=template.timescale,
        init=template.init(name, bandwidth),
        segments=tuple(template.segments(name, bandwidth, budget)),
        scheme="" if common is None else common.get("value", ""),
        kid="" if common is None else common.get(f"{{{CENC}}}default_KID", ""),
        license_url=next((found for each in (clearkey, common) if (found := _licence(each))), ""),
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
