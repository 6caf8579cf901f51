"""Manifests whose addresses carry a signature's query on, for servers that hand out such copies.

Two ways. *Rewritten*: every relative address has the query of the listener who asked, which every player understands; the copy is
theirs alone. *Defined*: the manifest says that the query of its own address goes behind the others, so one copy serves everybody
and may be cached:

    hls.m3u8    #EXT-X-DEFINE:QUERYPARAM="hdnts"        (RFC 8216bis §4.4.2.3)
                audio/normal/hls.m3u8?hdnts={$hdnts}
    dash.mpd    <up:UrlQueryInfo queryTemplate="$querypart$" useMPDUrlQuery="true"/>   (ISO/IEC 23009-1 §I.3)

hls.js and shaka-player know the first, dash.js and shaka-player the second. What is not relative to the manifest is somebody
else's, or the publisher's own licence server: no signature is carried there.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lxml import etree

from manifests import attributes
from manifests.attributes import quoted, unquoted
from manifests.dash import MPD
from media import safe_xml
from media.errors import ManifestError

URL_PARAM = "urn:mpeg:dash:schema:urlparam:2014"  # the namespace
URL_QUERY = "urn:mpeg:dash:urlparam:2014"  # the scheme (§I.2)
QUERY_PARAM_VERSION = 11  # RFC 8216bis §8
_LIMIT = 8 << 20  # bytes of an MPD
_ELSEWHERE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/|#|$")
_QUERY = re.compile(r"[A-Za-z0-9._~!$'()*+,;:@/?%&=-]*", re.ASCII)  # RFC 3986 §3.4
_NAME = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)  # RFC 8216bis §4.3
_VERSION = re.compile(r"^#EXT-X-VERSION:(\d+)$", re.MULTILINE)
# Where addresses of segments stand in an MPD (§5.3.9); those of templates have $ for variables.
_TEMPLATES = {"SegmentTemplate": ("media", "initialization", "index", "bitstreamSwitching")}
_ADDRESSES = {
    "SegmentURL": ("media", "index"),
    "Initialization": ("sourceURL",),
    "RepresentationIndex": ("sourceURL",),
    "BitstreamSwitching": ("sourceURL",),
}
# What stands before EssentialProperty in an AdaptationSet (§5.3.7.3).
_BEFORE = ("FramePacking", "AudioChannelConfiguration", "ContentProtection", "OutputProtection")


def with_query(address: str, query: str) -> str:
    """`address` with `query` behind what it has of its own; a fragment stays last."""
    if not query:
        return address
    base, mark, fragment = address.partition("#")
    return f"{base}{'&' if '?' in base else '?'}{query}{mark}{fragment}"


def rewritten(text: str, name: str, query: str) -> str:
    """The manifest `text`, called `name`, for one listener, with `query` behind its relative addresses.

    Raises `ManifestError` for a manifest that cannot be read, and a query that cannot stand in one.
    """
    if not _QUERY.fullmatch(query):
        raise ManifestError(f"{name}: {query[:80]!r} cannot stand in a manifest")
    if name.endswith(".mpd"):
        return _mpd(text, name, query)
    return _playlist(text, lambda address: with_query(address, query))


def defined(text: str, name: str, parameters: list[str]) -> str:
    """The manifest `text`, called `name`, for all listeners whose query has these `parameters`. Raises `ManifestError`."""
    if not all(map(_NAME.fullmatch, parameters)):
        raise ManifestError(f"{name}: {parameters} cannot name variables")
    if name.endswith(".mpd"):
        return _mpd_defined(text, name)
    query = "&".join(f"{each}={{${each}}}" for each in parameters)
    lines = "".join(f"\n#EXT-X-DEFINE:QUERYPARAM={quoted(each)}" for each in parameters)
    carried = _playlist(text, lambda address: with_query(address, query))
    version = _VERSION.search(carried)
    number = max(QUERY_PARAM_VERSION, int(version[1]) if version else 0)
    head = f"#EXTM3U\n#EXT-X-VERSION:{number}{lines}"
    return head + _VERSION.sub("", carried, count=1).removeprefix("#EXTM3U").replace("\n\n", "\n", 1)


def _playlist(text: str, change: Callable[[str], str]) -> str:
    """Every address of a playlist changed: the lines that are one, and the URI of a tag."""
    if not text.startswith("#EXTM3U"):
        raise ManifestError("playlist: it does not begin with #EXTM3U")
    lines = []
    for line in text.replace("\r\n", "\n").removesuffix("\n").split("\n"):
        tag, colon, rest = line.partition(":")
        if line and not line.startswith("#"):
            line = line if _ELSEWHERE.match(line) else change(line)
        elif tag.startswith("#EXT-X-") and 'URI="' in rest:
            values = attributes.read(rest)
            address = unquoted(values.get("URI", ""))
            if not _ELSEWHERE.match(address):
                values["URI"] = quoted(change(address))
                line = f"{tag}{colon}{attributes.write(values)}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def _mpd(text: str, name: str, query: str) -> str:
    root = safe_xml.parse(text.encode(), name, limit=_LIMIT)
    places = {element.tag: element for element in root.iter() if isinstance(element.tag, str)}
    # A relative address resolved against a BaseURL loses its query (RFC 3986 §5.2.2): where segments have addresses of
    # their own, those carry it; where a file is all there is, BaseURL is its address.
    segments = any(f"{{{MPD}}}{each}" in places for each in ("SegmentTemplate", "SegmentURL"))
    for element in root.iter():
        kind = etree.QName(element).localname if isinstance(element.tag, str) else ""
        for attribute in (*_TEMPLATES.get(kind, ()), *_ADDRESSES.get(kind, ())):
            address = element.get(attribute)
            if address is not None and not _ELSEWHERE.match(address):
                escaped = query.replace("$", "$$") if kind in _TEMPLATES else query
                element.set(attribute, with_query(address, escaped))
        if kind == "Laurl" or (kind == "BaseURL" and not segments):
            address = (element.text or "").strip()
            if not _ELSEWHERE.match(address) and not address.endswith("/"):
                element.text = with_query(address, query)
    return _written(root)


def _mpd_defined(text: str, name: str) -> str:
    root = safe_xml.parse(text.encode(), name, limit=_LIMIT)
    for adaptation in root.iter(f"{{{MPD}}}AdaptationSet"):
        place = next(
            (at for at, child in enumerate(adaptation) if etree.QName(child).localname not in _BEFORE),
            len(adaptation),
        )
        # Essential: a player that does not know it must not begin what it could not go on with.
        carrying = etree.Element(f"{{{MPD}}}EssentialProperty", schemeIdUri=URL_QUERY)
        info = etree.SubElement(carrying, f"{{{URL_PARAM}}}UrlQueryInfo", nsmap={"up": URL_PARAM})
        info.set("queryTemplate", "$querypart$")
        info.set("useMPDUrlQuery", "true")
        adaptation.insert(place, carrying)
    return _written(root)


def _written(root: etree._Element) -> str:
    return str(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True), "utf-8")
