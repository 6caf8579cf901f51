"""The DASH presentation description (ISO/IEC 23009-1): one static MPD over the segments that HLS plays.

Time. The timeline counts samples from the first audible one: ``S@t`` starts at 0 and the durations are those of the
presentation. The first fragment's ``tfdt`` is 0 as well, but on the media timeline, which begins with the encoder's
priming; the edit list in the init section (media_time = priming) takes that away. So what the MPD promises is what a
player gets after it applied the edit list (Chromium does), and there is no presentationTimeOffset: it would take the
priming away twice. hls.js, dash.js and shaka-player start exactly with this shape.

One timeline stands for all renditions, and ``segmentAlignment`` is claimed, because it is checked here that all of them
cut at the same samples. Renditions of one file have no timeline: ``indexRange`` names their ``sidx``, which says the same. That is
the on-demand profile, the other shape the live profile (§8.3, §8.4); both are CMAF's (§8.12).

Players switch within an AdaptationSet and need one decoder and one licence for it, so each codec and each key has its own
(DASH-IF IOP §7.5 wants one default_KID in a set); that they hold the same sound cut alike is told by adaptation set switching
(§5.3.3.5).

The licence address (``dashif:Laurl``) stands in the ClearKey element when the publisher's own is absolute. The edge's own
is relative to the MPD, and dash.js and shaka-player do not resolve it: they send the request to a path of the page, and
shaka-player even prefers it to the address that the application configured. So a relative one stands in the element of the
common encryption, where a client that resolves addresses finds it and those two overlook it; their application passes
on the grant's ``license_url``. There is no ``cenc:pssh``, with which dash.js fails; the common pssh is in the init section.
Other DRM systems stand before ClearKey: shaka-player takes the first one that the browser has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from lxml import etree

from manifests import KINDS, addresses
from manifests.hls import PATHWAY
from media import safe_xml
from media.errors import FormatError, ManifestError
from media.layout import MANIFESTS, init, segment
from media.presentation import Presentation, Rendition
from media.signalling import Signalling

MPD = "urn:mpeg:dash:schema:mpd:2011"
CENC = "urn:mpeg:cenc:2013"
DASHIF = "https://dashif.org/CPS"

CMAF = "urn:mpeg:dash:profile:cmaf:2019"
LIVE = f"{CMAF},urn:mpeg:dash:profile:isoff-live:2011"
ON_DEMAND = f"{CMAF},urn:mpeg:dash:profile:isoff-on-demand:2011"
SWITCHING = "urn:mpeg:dash:adaptation-set-switching:2016"
MP4_PROTECTION = "urn:mpeg:dash:mp4protection:2011"
CLEARKEY = "urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e"
CHANNELS = "urn:mpeg:mpegB:cicp:ChannelConfiguration"
# ISO/IEC 23091-3 table 7, ChannelConfiguration by number of channels
CICP = {1: "1", 2: "2", 3: "3", 4: "4", 5: "5", 6: "6", 8: "12"}

_FAMILIES = {"mp4a": "AAC", "opus": "Opus", "fLaC": "FLAC"}  # by how their RFC 6381 strings begin
_MAX_INSIDE = 1 << 16  # bytes of what a DRM system puts into its ContentProtection
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def mpd(presentation: Presentation, signalling: Sequence[Signalling] = ()) -> str:
    """The MPD. Raises `ManifestError` for values that none can say: renditions that cut differently, unknown layouts.

    `signalling` is that of DRM systems besides ClearKey.
    """
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
        profiles=ON_DEMAND if lead.one_file else LIVE,
        type="static",
        mediaPresentationDuration=duration(presentation.samples, presentation.sample_rate),
        # What must be there before the start: the first segment.
        minBufferTime=duration(lead.segments[0].duration, presentation.sample_rate),
    )
    about = etree.SubElement(root, _name("ProgramInformation"))
    etree.SubElement(about, _name("Title")).text = _NOT_XML.sub("\ufffd", presentation.song.title)
    _steering(root, presentation)
    period = etree.SubElement(root, _name("Period"), id="0", start="PT0S")
    sets: dict[tuple[str, UUID | None], list[Rendition]] = {}
    for rendition in sorted(presentation.renditions, key=lambda each: each.bandwidth):
        family = rendition.codec.partition(".")[0]
        sets.setdefault((family, presentation.kid_of(rendition)), []).append(rendition)
    for index, ((family, kid), renditions) in enumerate(sets.items()):
        others = [str(other) for other in range(len(sets)) if other != index]
        adaptation = _adaptation_set(period, presentation, str(index), renditions)
        if kid is not None:
            _protection(adaptation, presentation, kid, signalling)
        if others:
            etree.SubElement(
                adaptation, _name("SupplementalProperty"), schemeIdUri=SWITCHING, value=",".join(others)
            )
        etree.SubElement(adaptation, _name("Label")).text = _FAMILIES.get(family, family)
        durations = _durations(presentation)
        if not renditions[0].one_file:
            _timeline(adaptation, durations, presentation.sample_rate)
        for rendition in renditions:
            _representation(adaptation, rendition)
    text = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return str(text, "utf-8")


def _steering(root: etree._Element, presentation: Presentation) -> None:
    """ContentSteering and the one service location that it steers between (ETSI TS 103 998 §6)."""
    if not presentation.steering_url:
        return
    etree.SubElement(root, _name("BaseURL"), serviceLocation=PATHWAY).text = "./"
    steering = etree.SubElement(root, _name("ContentSteering"), defaultServiceLocation=PATHWAY)
    steering.text = addresses.absolute(presentation.steering_url)


def _adaptation_set(
    period: etree._Element, presentation: Presentation, name: str, renditions: Sequence[Rendition]
) -> etree._Element:
    one_file = renditions[0].one_file
    adaptation = etree.SubElement(
        period,
        _name("AdaptationSet"),
        id=name,
        contentType="audio",
        mimeType="audio/mp4",
        containerProfiles="cmfc",
        audioSamplingRate=str(presentation.sample_rate),
    )
    adaptation.set("subsegmentAlignment" if one_file else "segmentAlignment", "true")
    adaptation.set("subsegmentStartsWithSAP" if one_file else "startWithSAP", "1")
    return adaptation


def duration(samples: int, sample_rate: int) -> str:
    """An xs:duration in microseconds, rounded up: a player that stops there loses no sample."""
    microseconds = -(-samples * 1_000_000 // sample_rate)
    return f"PT{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}S"


def _protection(
    parent: etree._Element, presentation: Presentation, kid: UUID, signalling: Sequence[Signalling]
) -> None:
    """ContentProtection (§5.8.4.1): the scheme and the KID, the DRM systems, and ClearKey (DASH-IF, ClearKey guidelines)."""
    common = etree.SubElement(
        parent,
        _name("ContentProtection"),
        schemeIdUri=MP4_PROTECTION,
        value=presentation.protection.scheme,
    )
    common.set(f"{{{CENC}}}default_KID", str(kid))
    for each in signalling:
        if each.kid == kid:
            parent.append(_system(each))
    clearkey = etree.SubElement(parent, _name("ContentProtection"), schemeIdUri=CLEARKEY, value="ClearKey1.0")
    address = addresses.licence(presentation, kid, MANIFESTS["dash"])
    place = common if address.startswith("../") else clearkey
    etree.SubElement(place, f"{{{DASHIF}}}Laurl").text = address


def _system(signalling: Signalling) -> etree._Element:
    """ContentProtection of a DRM system around XML of its own, which may be another's: it must be whole elements."""
    opening = f'<ContentProtection xmlns="{MPD}" xmlns:cenc="{CENC}" xmlns:dashif="{DASHIF}">'
    text = f"{opening}{signalling.content_protection}</ContentProtection>"
    what = f"ContentProtection of {signalling.name or signalling.system_id}"
    try:
        element = safe_xml.parse(text.encode(), what, limit=_MAX_INSIDE)
    except FormatError as error:
        raise ManifestError(str(error)) from None
    element.set("schemeIdUri", signalling.scheme_id_uri)
    if signalling.name:
        element.set("value", _NOT_XML.sub("\ufffd", signalling.name))
    return element


def _durations(presentation: Presentation) -> list[int]:
    """Of each segment, in samples."""
    cuts = {tuple((each.start, each.duration) for each in one.segments) for one in presentation.renditions}
    if len(cuts) != 1:
        raise ManifestError("the renditions do not cut at the same samples: no common DASH timeline")
    return [length for _, length in cuts.pop()]


def _timeline(adaptation: etree._Element, durations: Sequence[int], sample_rate: int) -> None:
    """SegmentTemplate with a SegmentTimeline (§5.3.9.4, §5.3.9.6) in samples; runs of equal length are one ``S``."""
    template = etree.SubElement(
        adaptation,
        _name("SegmentTemplate"),
        timescale=str(sample_rate),
        initialization=init("$RepresentationID$"),
        media="audio/$RepresentationID$/$Number%05d$.m4s",
        startNumber="1",
    )
    timeline = etree.SubElement(template, _name("SegmentTimeline"))
    for index, (length, run) in enumerate(groupby(durations)):
        entry = etree.SubElement(timeline, _name("S"))
        if index == 0:
            entry.set("t", "0")
        entry.set("d", str(length))
        if repeats := sum(1 for _ in run) - 1:
            entry.set("r", str(repeats))


def _representation(adaptation: etree._Element, rendition: Rendition) -> None:
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
    etree.SubElement(representation, _name("Label")).text = rendition.name
    if rendition.one_file:
        _file(representation, rendition)
    else:
        _check_template(rendition)


def _file(representation: etree._Element, rendition: Rendition) -> None:
    """BaseURL and SegmentBase (§5.3.9.2): where the header ends, and where the index is."""
    etree.SubElement(representation, _name("BaseURL")).text = addresses.plain(rendition.init)
    head, index = rendition.init_size, rendition.index_size
    base = etree.SubElement(
        representation,
        _name("SegmentBase"),
        indexRange=f"{head}-{head + index - 1}",
        timescale=str(rendition.sample_rate),
    )
    etree.SubElement(base, _name("Initialization"), range=f"0-{head - 1}")


def _check_template(rendition: Rendition) -> None:
    templated = [segment(rendition.name, number + 1) for number in range(len(rendition.segments))]
    if rendition.init != init(rendition.name) or templated != [
        addresses.plain(each.path) for each in rendition.segments
    ]:
        raise ManifestError(f"rendition {rendition.name!r}: its paths do not follow the template")


def _name(local: str) -> str:
    return f"{{{MPD}}}{local}"
