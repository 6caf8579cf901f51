"""The DASH presentation description (ISO/IEC 23009-1): one static MPD over the segments that HLS plays.

Time. The timeline counts samples from the first audible one: ``S@t`` starts at 0 and the durations are those of the
presentation. The first fragment's ``tfdt`` is 0 as well, but on the media timeline, which begins with the encoder's
priming; the edit list in the init section (media_time = priming) takes that away. So what the MPD promises is what a
player gets after it applied the edit list (Chromium does), and there is no presentationTimeOffset: it would take the
priming away twice. hls.js, dash.js and shaka-player start exactly with this shape.

One timeline stands for all renditions, and ``segmentAlignment`` is claimed, because it is checked here that all of them
cut at the same samples.

The licence address (``dashif:Laurl``) stands in the ClearKey element when the publisher's own is absolute. The edge's own
is relative to the MPD, and dash.js and shaka-player do not resolve it: they send the request to a path of the page, and
shaka-player even prefers it to the address that the application configured. So a relative one stands in the element of the
common encryption, where a client that resolves addresses finds it and those two overlook it; their application passes
on the grant's ``license_url``. There is no ``cenc:pssh``, with which dash.js fails; the common pssh is in the init section.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from lxml import etree

from manifests import KINDS, addresses
from media.errors import ManifestError
from media.layout import MANIFESTS, init, segment
from media.presentation import Presentation, Rendition

MPD = "urn:mpeg:dash:schema:mpd:2011"
CENC = "urn:mpeg:cenc:2013"
DASHIF = "https://dashif.org/CPS"

PROFILES = "urn:mpeg:dash:profile:cmaf:2019,urn:mpeg:dash:profile:isoff-live:2011"
MP4_PROTECTION = "urn:mpeg:dash:mp4protection:2011"
CLEARKEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
CHANNELS = "urn:mpeg:mpegB:cicp:ChannelConfiguration"
# ISO/IEC 23091-3 table 7, ChannelConfiguration by number of channels
CICP = {1: "1", 2: "2", 3: "3", 4: "4", 5: "5", 6: "6", 8: "12"}

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def mpd(presentation: Presentation) -> str:
    """The MPD. Raises `ManifestError` for values that none can say: renditions that cut differently, unknown layouts."""
    scheme = presentation.protection.scheme
    if "dash" not in KINDS[scheme]:
        raise ManifestError(f"no DASH of a presentation whose protection is {scheme}")
    lead = presentation.renditions[0]
    namespaces: dict[Any, str] = {None: MPD}
    if scheme != "none":
        namespaces |= {"cenc": CENC, "dashif": DASHIF}
    root = etree.Element(
        _name("MPD"),
        nsmap=namespaces,
        profiles=PROFILES,
        type="static",
        mediaPresentationDuration=duration(presentation.samples, presentation.sample_rate),
        # What must be there before the start: the first segment.
        minBufferTime=duration(lead.segments[0].duration, presentation.sample_rate),
    )
    about = etree.SubElement(root, _name("ProgramInformation"))
    etree.SubElement(about, _name("Title")).text = _NOT_XML.sub("\ufffd", presentation.song.title)
    period = etree.SubElement(root, _name("Period"), id="0", start="PT0S")
    adaptation = etree.SubElement(
        period,
        _name("AdaptationSet"),
        id="0",
        contentType="audio",
        mimeType="audio/mp4",
        containerProfiles="cmfc",
        audioSamplingRate=str(presentation.sample_rate),
        segmentAlignment="true",
        startWithSAP="1",
    )
    if scheme != "none":
        _protection(adaptation, presentation)
    _timeline(adaptation, presentation)
    for rendition in sorted(presentation.renditions, key=lambda each: each.bandwidth):
        _representation(adaptation, rendition)
    text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return str(text, "utf-8")


def duration(samples: int, sample_rate: int) -> str:
    """An xs:duration in microseconds, rounded up: a player that stops there loses no sample."""
    microseconds = -(-samples * 1_000_000 // sample_rate)
    return f"PT{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}S"


def _protection(adaptation: etree._Element, presentation: Presentation) -> None:
    """ContentProtection (§5.8.4.1): the scheme and the KID, then the ClearKey system (DASH-IF, ClearKey guidelines)."""
    common = etree.SubElement(
        adaptation,
        _name("ContentProtection"),
        schemeIdUri=MP4_PROTECTION,
        value=presentation.protection.scheme,
    )
    common.set(f"{{{CENC}}}default_KID", str(presentation.protection.kid))
    clearkey = etree.SubElement(
        adaptation, _name("ContentProtection"), schemeIdUri=CLEARKEY, value="ClearKey1.0"
    )
    address = addresses.licence(presentation, MANIFESTS["dash"])
    place = common if address.startswith("../") else clearkey
    etree.SubElement(place, f"{{{DASHIF}}}Laurl").text = address


def _timeline(adaptation: etree._Element, presentation: Presentation) -> None:
    """SegmentTemplate with a SegmentTimeline (§5.3.9.4, §5.3.9.6) in samples; runs of equal length are one ``S``."""
    cuts = {tuple((each.start, each.duration) for each in one.segments) for one in presentation.renditions}
    if len(cuts) != 1:
        raise ManifestError("the renditions do not cut at the same samples: no common DASH timeline")
    template = etree.SubElement(
        adaptation,
        _name("SegmentTemplate"),
        timescale=str(presentation.sample_rate),
        initialization=init("$RepresentationID$"),
        media="audio/$RepresentationID$/$Number%05d$.m4s",
        startNumber="1",
    )
    timeline = etree.SubElement(template, _name("SegmentTimeline"))
    durations = [length for _, length in cuts.pop()]
    for index, (length, run) in enumerate(groupby(durations)):
        entry = etree.SubElement(timeline, _name("S"))
        if index == 0:
            entry.set("t", "0")
        entry.set("d", str(length))
        if repeats := sum(1 for _ in run) - 1:
            entry.set("r", str(repeats))


def _representation(adaptation: etree._Element, rendition: Rendition) -> None:
    templated = [segment(rendition.name, number + 1) for number in range(len(rendition.segments))]
    if rendition.init != init(rendition.name) or templated != [
        addresses.plain(each.path) for each in rendition.segments
    ]:
        raise ManifestError(f"rendition {rendition.name!r}: its paths do not follow the template")
    if rendition.channels not in CICP:
        raise ManifestError(
            f"rendition {rendition.name!r}: no channel configuration has {rendition.channels} channels"
        )
    representation = etree.SubElement(
        adaptation,
        _name("Representation"),
        id=rendition.name,
        codecs=rendition.codec,
        bandwidth=str(rendition.bandwidth),
    )
    etree.SubElement(
        representation,
        _name("AudioChannelConfiguration"),
        schemeIdUri=CHANNELS,
        value=CICP[rendition.channels],
    )


def _name(local: str) -> str:
    return f"{{{MPD}}}{local}"
