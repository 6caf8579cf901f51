"""SegmentBase: a Representation that is one file, whose segments its own index tells (ISO/IEC 23009-1 §5.3.9.2)."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree

from manifests.byte_range import ByteRange, of_ends
from manifests.dash import MPD
from manifests.segment_template import integer
from media.errors import ManifestError

NAMES = {"m": MPD}


@dataclass(frozen=True, slots=True)
class SegmentBase:
    """What a Representation ends up with after inheritance. `init_url` is empty where the header is in the file itself."""

    init_url: str
    init_range: ByteRange | None
    index_range: ByteRange | None
    timescale: int
    time_offset: int


def inherit(element: etree._Element) -> SegmentBase | None:
    """The SegmentBase of a Representation, its AdaptationSet or its Period. Raises `ManifestError` for ranges that are none."""
    for level in [element, *element.iterancestors()][:3]:
        found = level.find("m:SegmentBase", NAMES)
        if found is None:
            continue
        header = found.find("m:Initialization", NAMES)
        timescale = integer(found, "timescale", "1")
        if timescale == 0:
            raise ManifestError("SegmentBase@timescale is 0")
        return SegmentBase(
            init_url="" if header is None else header.get("sourceURL", ""),
            init_range=None if header is None else _range(header, "range"),
            index_range=_range(found, "indexRange"),
            timescale=timescale,
            time_offset=integer(found, "presentationTimeOffset", "0"),
        )
    return None


def _range(element: etree._Element, name: str) -> ByteRange | None:
    text = element.get(name)
    if text is None:
        return None
    found = of_ends(text)
    if found is None:
        raise ManifestError(f"{etree.QName(element).localname}@{name} {text[:40]!r} is no byte range")
    return found
