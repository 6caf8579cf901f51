"""Into a song by DASH, with lxml: nothing here shares code with what wrote the MPD."""

from __future__ import annotations

import re
from urllib.parse import urljoin
from uuid import UUID

from lxml import etree

from edge_sim.player.connection import Connection
from edge_sim.player.entrance import Entrance, KeyAddress, file_name
from media.errors import ManifestError

_NAMES = {"d": "urn:mpeg:dash:schema:mpd:2011", "cps": "https://dashif.org/CPS"}
_DEFAULT_KID = "{urn:mpeg:cenc:2013}default_KID"
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
        root.iterfind(".//d:Representation", _NAMES), key=lambda each: int(each.get("bandwidth", "0"))
    )
    if not found:
        raise ValueError("no Representation")
    chosen = next((each for each in found if each.get("id") == rendition), found[0])
    family = [chosen, *chosen.iterancestors()]  # from the Representation up to the MPD
    base = url
    for element in reversed(family):
        base = urljoin(base, (element.findtext("d:BaseURL", "", _NAMES) or "").strip())
    templates = [each for element in family for each in element.iterfind("d:SegmentTemplate", _NAMES)]
    attributes = {
        str(name): str(value) for each in reversed(templates) for name, value in each.attrib.items()
    }
    if "media" not in attributes or "initialization" not in attributes:
        raise ValueError(f"Representation {chosen.get('id')!r} has no SegmentTemplate")
    first = root.find(".//d:SegmentTimeline/d:S", _NAMES)
    values = {
        "RepresentationID": chosen.get("id", ""),
        "Bandwidth": chosen.get("bandwidth", ""),
        "Number": attributes.get("startNumber", "1"),
        "Time": "0" if first is None else first.get("t", "0"),
    }
    return Entrance(
        init=urljoin(base, _fill(attributes["initialization"], values)),
        segment=urljoin(base, _fill(attributes["media"], values)),
        key=_key(family, base),
    )


def _key(family: list[etree._Element], base: str) -> KeyAddress | None:
    protections = [each for element in family for each in element.iterfind("d:ContentProtection", _NAMES)]
    if not protections:
        return None
    kids = [kid for each in protections if (kid := each.get(_DEFAULT_KID))]
    addresses = [text for each in protections if (text := each.findtext("cps:Laurl", None, _NAMES))]
    if not kids or not addresses:
        raise ValueError("ContentProtection without default_KID and dashif:Laurl")
    return KeyAddress("licence", urljoin(base, addresses[0].strip()), UUID(kids[0]))


def _fill(template: str, values: dict[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name, width = match.groups()
        return values[name].zfill(int(width or 1)) if name else "$"

    return _VARIABLE.sub(value, template)
