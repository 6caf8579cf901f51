"""Into a song by DASH, with lxml: nothing here shares code with what wrote the MPD."""

from __future__ import annotations

import re
from urllib.parse import urljoin
from uuid import UUID

from lxml import etree

from edge_sim.player.connection import ByteRange, Connection
from edge_sim.player.entrance import Entrance, KeyAddress, file_name
from media.errors import ManifestError

NAMES = {"d": "urn:mpeg:dash:schema:mpd:2011", "cps": "https://dashif.org/CPS"}
_DEFAULT_KID = "{urn:mpeg:cenc:2013}default_KID"
_CLEARKEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
# ISO/IEC 23009-1 §5.3.9.4.4
_VARIABLE = re.compile(r"\$(RepresentationID|Number|Bandwidth|Time)?(?:%0([0-9]{1,2})d)?\$")


async def dash(connection: Connection, url: str, rendition: str) -> Entrance:
    """The Representation called `rendition`, or the one of the lowest bandwidth where none is so named.

    Raises `ManifestError`, and what `connection` raises.
    """
    content = await connection.get("manifest", url)
    try:
        return _entrance(content, url, rendition)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ManifestError(f"{file_name(url)}: {error}") from None


def _entrance(content: bytes, url: str, rendition: str) -> Entrance:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(content, parser)
    found = sorted(
        root.iterfind(".//d:Representation", NAMES), key=lambda each: int(each.get("bandwidth", "0"))
    )
    if not found:
        raise ValueError("no Representation")
    chosen = next((each for each in found if each.get("id") == rendition), found[0])
    family = [chosen, *chosen.iterancestors()]  # from the Representation up to the MPD
    base = url
    for element in reversed(family):
        base = urljoin(base, (element.findtext("d:BaseURL", "", NAMES) or "").strip())
    if (segment_base := nearest(family, "d:SegmentBase")) is not None:
        return _indexed(segment_base, base, key_of(family, url))
    templates = [each for element in family for each in element.iterfind("d:SegmentTemplate", NAMES)]
    attributes = {
        str(name): str(value) for each in reversed(templates) for name, value in each.attrib.items()
    }
    if "media" not in attributes or "initialization" not in attributes:
        raise ValueError(f"Representation {chosen.get('id')!r} has neither SegmentTemplate nor SegmentBase")
    first = root.find(".//d:SegmentTimeline/d:S", NAMES)
    values = {
        "RepresentationID": chosen.get("id", ""),
        "Bandwidth": chosen.get("bandwidth", ""),
        "Number": attributes.get("startNumber", "1"),
        "Time": "0" if first is None else first.get("t", "0"),
    }
    return Entrance(
        init=urljoin(base, fill(attributes["initialization"], values)),
        segment=urljoin(base, fill(attributes["media"], values)),
        key=key_of(family, url),
    )


def _indexed(segment_base: etree._Element, base: str, key: KeyAddress | None) -> Entrance:
    """A Representation of one file (ISO/IEC 23009-1 §5.3.9.2): its index tells where the first segment is.

    Without an Initialization the header is what lies before the index.
    """
    index = byte_range(segment_base.get("indexRange", ""))
    header = segment_base.find("d:Initialization", NAMES)
    if header is None:
        return Entrance(base, base, key, init_range=ByteRange(0, index.first), index_range=index)
    told = header.get("range")
    return Entrance(
        init=urljoin(base, header.get("sourceURL", "")),
        segment=base,
        key=key,
        init_range=None if told is None else byte_range(told),
        index_range=index,
    )


def byte_range(text: str) -> ByteRange:
    match = _RANGE.fullmatch(text)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(f"{text[:40]!r} is no byte range")
    return ByteRange(int(match[1]), int(match[2]) + 1 - int(match[1]))


def nearest(family: list[etree._Element], name: str) -> etree._Element | None:
    """What the Representation has, or else inherits."""
    found = (element.find(name, NAMES) for element in family)
    return next((each for each in found if each is not None), None)


def key_of(family: list[etree._Element], url: str) -> KeyAddress | None:
    """The nearest KID and licence address. Those of DRM systems other than ClearKey are not for this player."""
    protections = [each for element in family for each in element.iterfind("d:ContentProtection", NAMES)]
    if not protections:
        return None
    kids = [kid for each in protections if (kid := each.get(_DEFAULT_KID))]
    ours = [each for each in protections if not _of_another_system(each)]
    addresses = [text for each in ours if (text := each.findtext("cps:Laurl", None, NAMES))]
    if not kids or not addresses:
        raise ValueError("ContentProtection without default_KID and dashif:Laurl")
    return KeyAddress("licence", urljoin(url, addresses[0].strip()), UUID(kids[0]))


def _of_another_system(protection: etree._Element) -> bool:
    scheme = protection.get("schemeIdUri", "").lower()
    return scheme.startswith("urn:uuid:") and scheme != _CLEARKEY


def fill(template: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, width = match.groups()
        return values[name].zfill(int(width or 1)) if name else "$"

    return _VARIABLE.sub(value, template)
