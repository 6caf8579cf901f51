"""Addressing in an MPD against the profiles it claims, service locations, labels, and what DRM systems are told (ISO/IEC 23009-1)."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from urllib.parse import urlsplit
from uuid import UUID

from lxml import etree

from manifests.dash import CMAF, SWITCHING
from manifests.mpd_reader import ADAPTATION_SETS, NAMES, Mpd, attribute, inherited, line_of
from manifests.rule_book import RuleBook, Violations
from media.boxes import PsshBox, parse
from media.errors import FormatError

rules = RuleBook[Mpd]("DASH", "ISO/IEC 23009-1")
LIVE = "urn:mpeg:dash:profile:isoff-live:2011"
ON_DEMAND = "urn:mpeg:dash:profile:isoff-on-demand:2011"
_REPRESENTATIONS = f"{ADAPTATION_SETS}/m:Representation"
CONTAINERS = {"cmfc", "cmf2"}  # ISO/IEC 23000-19 §7.2
_TRUE = ("true", "1")


@rules.rule(15, "5.3.9.2")
def the_index_stands_behind_the_header(mpd: Mpd) -> Violations:
    """A file with an index has its header in front: Initialization@range ends before @indexRange begins."""
    for each in mpd.representations:
        head, index = each.init_range, each.index_range
        if head is not None and index is not None and head.last >= index.first:
            yield each.line, f"header up to byte {head.last}, index from byte {index.first}"


@rules.rule(16, "8.3, §8.4")
def profiles_are_kept(mpd: Mpd) -> Violations:
    """isoff-live has SegmentTemplate and aligned segments, isoff-on-demand one file for each Representation, with BaseURL, an index and aligned subsegments."""
    profiles = _words(mpd.root.get("profiles", ""), ",")
    for element in mpd.root.iterfind(_REPRESENTATIONS, NAMES):
        if LIVE in profiles:
            if _nearest(element, "SegmentTemplate") is None:
                yield line_of(element), "isoff-live without SegmentTemplate"
            if attribute(element, "segmentAlignment") not in _TRUE:
                yield line_of(element), "isoff-live without segmentAlignment"
        if ON_DEMAND in profiles:
            yield from _on_demand(element)


def _on_demand(element: etree._Element) -> Violations:
    base = _nearest(element, "SegmentBase")
    if base is None or "indexRange" not in base.attrib:
        yield line_of(element), "isoff-on-demand without SegmentBase@indexRange"
    if element.find("m:BaseURL", NAMES) is None:
        yield line_of(element), "isoff-on-demand without a BaseURL of the Representation's own"
    if attribute(element, "subsegmentAlignment") not in _TRUE:
        yield line_of(element), "isoff-on-demand without subsegmentAlignment"
    for name in ("SegmentTemplate", "SegmentList"):
        if _nearest(element, name) is not None:
            yield line_of(element), f"isoff-on-demand with {name}"


@rules.rule(17, "8.12")
def cmaf_says_that_it_is(mpd: Mpd) -> Violations:
    """cmaf:2019 goes with MP4, a CMAF brand in @containerProfiles, and segments that are addressed by SegmentTemplate or an index."""
    if CMAF not in _words(mpd.root.get("profiles", ""), ","):
        return
    for element in mpd.root.iterfind(_REPRESENTATIONS, NAMES):
        if not attribute(element, "mimeType").endswith("/mp4"):
            yield line_of(element), f"cmaf:2019 with mimeType {attribute(element, 'mimeType')[:40]!r}"
        brands = _words(attribute(element, "containerProfiles"), " ")
        if not CONTAINERS & set(brands):
            yield line_of(element), "cmaf:2019 without a CMAF brand in @containerProfiles"
        if _nearest(element, "SegmentTemplate") is None and _nearest(element, "SegmentBase") is None:
            yield line_of(element), "cmaf:2019 with neither SegmentTemplate nor SegmentBase"


@rules.rule(18, "5.3.3.2, §5.3.9.2", "warning")
def alignment_is_of_what_there_is(mpd: Mpd) -> Violations:
    """segmentAlignment is said of segments, subsegmentAlignment of files with an index."""
    for element in mpd.root.iterfind(_REPRESENTATIONS, NAMES):
        indexed = _nearest(element, "SegmentBase") is not None
        wrong = "segmentAlignment" if indexed else "subsegmentAlignment"
        if attribute(element, wrong) in _TRUE:
            yield (
                line_of(element),
                f"{wrong} of a Representation that has {'an index' if indexed else 'segments'}",
            )


@rules.rule(19, "5.3.10")
def labels_say_something(mpd: Mpd) -> Violations:
    """Label and GroupLabel are not empty, and of several in one element each has a language or an id of its own."""
    for parent in mpd.root.iter():
        for name in ("Label", "GroupLabel"):
            seen: Counter[tuple[str, str]] = Counter()
            for label in parent.findall(f"m:{name}", NAMES):
                key = label.get("id", "0"), label.get("lang", "")
                seen[key] += 1
                if not (label.text or "").strip():
                    yield line_of(label), f"an empty {name}"
                if seen[key] > 1:
                    yield line_of(label), f"two {name} of one id and one language"


@rules.rule(20, "5.6.4")
def base_urls_are_told_apart(mpd: Mpd) -> Violations:
    """A BaseURL is not empty, and of several in one element each has a serviceLocation of its own."""
    for parent in mpd.root.iter():
        found = parent.findall("m:BaseURL", NAMES)
        seen: Counter[str] = Counter()
        for base in found:
            location = base.get("serviceLocation", "")
            seen[location] += 1
            if not (base.text or "").strip():
                yield line_of(base), "an empty BaseURL"
            if len(found) > 1 and (not location or seen[location] > 1):
                yield line_of(base), f"one of {len(found)} BaseURLs, with no serviceLocation of its own"


@rules.rule(21, "5.3.1.2, ETSI TS 103 998 §6")
def steering_has_somewhere_to_go(mpd: Mpd) -> Violations:
    """ContentSteering stands once, holds an http(s) address, and begins at service locations that some BaseURL has."""
    found = mpd.root.findall(".//m:ContentSteering", NAMES)
    locations = {base.get("serviceLocation") for base in mpd.root.iterfind(".//m:BaseURL", NAMES)}
    for steering in found:
        if len(found) > 1:
            yield line_of(steering), "ContentSteering stands more than once"
        if not _is_address((steering.text or "").strip()):
            yield line_of(steering), f"ContentSteering at {(steering.text or '').strip()[:80]!r}"
        for location in _words(steering.get("defaultServiceLocation", ""), " "):
            if location not in locations:
                yield line_of(steering), f"no BaseURL has the serviceLocation {location[:40]!r} to begin at"


@rules.rule(22, "ISO/IEC 23001-7 §11.2.1")
def psshs_are_boxes_of_their_system(mpd: Mpd) -> Violations:
    """cenc:pssh is base64 of one pssh box, of the system whose ContentProtection it stands in."""
    for element in mpd.root.iterfind(".//m:ContentProtection", NAMES):
        for child in element.findall("cenc:pssh", NAMES):
            text = "".join((child.text or "").split())
            fault = _pssh_fault(text, element.get("schemeIdUri", "").lower())
            if fault:
                yield line_of(child), fault


def _pssh_fault(text: str, scheme: str) -> str:
    try:
        boxes = parse(b64decode(text, validate=True))
    except (ValueError, FormatError) as error:
        return f"cenc:pssh: {error}"
    if len(boxes) != 1 or not isinstance(boxes[0], PsshBox):
        return "cenc:pssh is not one pssh box"
    system = f"urn:uuid:{UUID(bytes=boxes[0].system_id)}"
    if scheme.startswith("urn:uuid:") and scheme != system:
        return f"cenc:pssh of {system} in the ContentProtection of {scheme[:80]}"
    return ""


@rules.rule(23, "5.3.3.5")
def switching_leads_somewhere(mpd: Mpd) -> Violations:
    """adaptation-set-switching names other AdaptationSets of the Period that exist."""
    for period in mpd.root.iterfind("m:Period", NAMES):
        names = [element.get("id") for element in period.iterfind("m:AdaptationSet", NAMES)]
        for element in period.iterfind("m:AdaptationSet", NAMES):
            for told in element.iterfind(f"m:SupplementalProperty[@schemeIdUri='{SWITCHING}']", NAMES):
                for name in _words(told.get("value", ""), ","):
                    if name not in names or name == element.get("id"):
                        yield (
                            line_of(told),
                            f"switching to AdaptationSet {name[:40]!r}, which is not another one",
                        )


@rules.rule(24, "5.3.7.2, FACTS, gapless", "warning")
def one_decoder_for_a_set(mpd: Mpd) -> Violations:
    """All Representations of an AdaptationSet are of one family of codecs: players set up one decoder for a set."""
    for element in mpd.root.iterfind(ADAPTATION_SETS, NAMES):
        families = {
            attribute(each, "codecs").partition(".")[0].lower()
            for each in element.iterfind("m:Representation", NAMES)
        }
        if len(families) > 1:
            yield line_of(element), f"codecs of {', '.join(sorted(families))} in one AdaptationSet"


def _words(text: str, separator: str) -> list[str]:
    return [word for part in text.split(separator) if (word := part.strip())]


def _nearest(element: etree._Element, name: str) -> etree._Element | None:
    """A child of a Representation, of its AdaptationSet or of its Period."""
    found = inherited(element, name)
    period = next(element.iterancestors(f"{{{NAMES['m']}}}Period"), None)
    return found if found is not None or period is None else period.find(f"m:{name}", NAMES)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
