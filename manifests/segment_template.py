"""SegmentTemplate, with SegmentTimeline or @duration: from an identifier template to every segment's address (ISO/IEC 23009-1 §5.3.9)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from lxml import etree

from manifests.dash import MPD
from media.errors import ManifestError

NAMES = {"m": MPD}
MAX_ADDRESS = 1000  # characters
INTEGER = re.compile(r"\d{1,18}", re.ASCII)
_IDENTIFIER = re.compile(r"\$(?:(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?)?\$", re.ASCII)


@dataclass(frozen=True, slots=True)
class MpdSegment:
    """`url` is relative to the MPD; `start` and `duration` in ticks of the representation's timescale."""

    url: str
    start: int
    duration: int


@dataclass(frozen=True, slots=True, eq=False)
class SegmentTemplate:
    """What a Representation ends up with after inheritance."""

    initialization: str
    media: str
    timescale: int
    start_number: int
    timeline: etree._Element | None
    duration: int = 0  # of every segment but the last, where there is no timeline
    time_offset: int = 0

    def init(self, name: str, bandwidth: int) -> str:
        """The address of the init section. Raises `ManifestError`, as `segments` does."""
        return _fill(self.initialization, name, bandwidth)

    def segments(
        self, name: str, bandwidth: int, length: Fraction | None, budget: Iterator[int]
    ) -> Iterator[MpdSegment]:
        """Every segment; each takes one item of `budget`. `length` is the presentation's, in seconds."""
        for number, (time, duration) in enumerate(self._times(length), start=self.start_number):
            if next(budget, None) is None:
                raise ManifestError("SegmentTemplate: more segments than are read")
            yield MpdSegment(_fill(self.media, name, bandwidth, number, time), time, duration)

    def _times(self, length: Fraction | None) -> Iterator[tuple[int, int]]:
        """Start and duration: the SegmentTimeline with its run lengths undone (§5.3.9.6), or equal ones up to `length`."""
        time = 0
        for entry in () if self.timeline is None else self.timeline.iterfind("m:S", NAMES):
            time = integer(entry, "t", str(time))
            duration, repeats = integer(entry, "d"), integer(entry, "r", "0")
            for _ in range(repeats + 1):
                yield time, duration
                time += duration
        if self.timeline is None:
            end = int((length or 0) * self.timescale)
            for start in range(0, end, self.duration):
                yield start + self.time_offset, min(self.duration, end - start)


def inherit(element: etree._Element) -> SegmentTemplate:
    """The template of a Representation, from there, its AdaptationSet or its Period (§5.3.9.1). Raises `ManifestError`."""
    levels = [element, *element.iterancestors()][:3]
    templates = [found for level in levels if (found := level.find("m:SegmentTemplate", NAMES)) is not None]
    timelines = [found for each in templates if (found := each.find("m:SegmentTimeline", NAMES)) is not None]
    if not templates:
        raise ManifestError("Representation without SegmentTemplate and SegmentBase")
    values: dict[str, etree._Element] = {}
    for template in templates:
        for name in template.attrib:
            values.setdefault(str(name), template)
    for name in ("initialization", "media"):
        if name not in values:
            raise ManifestError(f"SegmentTemplate without @{name}")
    timescale = integer(values.get("timescale", templates[0]), "timescale", "1")
    if timescale == 0:
        raise ManifestError("SegmentTemplate@timescale is 0")
    duration = 0 if timelines else integer(values.get("duration", templates[0]), "duration", "0")
    if not timelines and duration == 0:
        raise ManifestError("SegmentTemplate without SegmentTimeline and without @duration")
    return SegmentTemplate(
        initialization=values["initialization"].get("initialization", ""),
        media=values["media"].get("media", ""),
        timescale=timescale,
        start_number=integer(values.get("startNumber", templates[0]), "startNumber", "1"),
        timeline=timelines[0] if timelines else None,
        duration=duration,
        time_offset=integer(
            values.get("presentationTimeOffset", templates[0]), "presentationTimeOffset", "0"
        ),
    )


def integer(element: etree._Element, name: str, default: str = "") -> int:
    """A whole number of at most 18 digits in an attribute. Raises `ManifestError`."""
    text = element.get(name, default)
    if not INTEGER.fullmatch(text):
        raise ManifestError(f"{etree.QName(element).localname}@{name} {text[:40]!r} is no whole number")
    return int(text)


def _fill(
    template: str, name: str, bandwidth: int, number: int | None = None, time: int | None = None
) -> str:
    """Substitute the identifiers of a template (§5.3.9.4.4, table 16). Raises `ManifestError` for an unknown one."""
    values = {"RepresentationID": name, "Bandwidth": bandwidth, "Number": number, "Time": time}

    def value(match: re.Match[str]) -> str:
        identifier, width = match.groups()
        if identifier is None:
            return "$"
        found = values[identifier]
        if found is None or (width and identifier == "RepresentationID"):
            raise ManifestError(f"template {template[:80]!r}: {match.group()} has no meaning there")
        return str(found).zfill(int(width or 0))

    if len(template) > MAX_ADDRESS or "$" in _IDENTIFIER.sub("", template):
        raise ManifestError(f"template {template[:80]!r}: too long, or an unknown identifier")
    if len(name) > MAX_ADDRESS or len(address := _IDENTIFIER.sub(value, template)) > MAX_ADDRESS:
        raise ManifestError(f"template {template[:80]!r}: an address of more than {MAX_ADDRESS} characters")
    return address
