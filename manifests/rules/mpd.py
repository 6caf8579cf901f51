"""The rules of ISO/IEC 23009-1 for a static MPD like ours. DASH-1 is that it can be read at all."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction

from manifests import mpd_reader
from manifests.dash import CENC, CLEARKEY, MP4_PROTECTION, MPD
from manifests.mpd_reader import ADAPTATION_SETS, NAMES, Mpd, attribute, inherited, line_of
from manifests.rule_book import RuleBook, Violations
from manifests.rules import mpd_addressing
from media.errors import ManifestError
from media.findings import Finding

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
_SCHEMES = frozenset(["cenc", "cbc1", "cens", "cbcs"])
_REPRESENTATIONS = f"{ADAPTATION_SETS}/m:Representation"

rules = RuleBook[Mpd]("DASH", "ISO/IEC 23009-1", mpd_addressing.rules)


def check_mpd(text: str | bytes, place: str) -> list[Finding]:
    """What an MPD does against its rules. `place` names it, a path or a URL."""
    try:
        mpd = mpd_reader.read(text)
    except ManifestError as error:
        return rules.unreadable(error, place)
    return rules.check(mpd, place)


@rules.rule(2, "5.3.1.2")
def the_root_says_what_it_is(mpd: Mpd) -> Violations:
    """The root is an MPD of the namespace urn:mpeg:dash:schema:mpd:2011, static, with profiles and minBufferTime."""
    if mpd.root.tag != f"{{{MPD}}}MPD":
        yield line_of(mpd.root), f"the root element is {str(mpd.root.tag)[:80]}"
    if mpd.root.get("type", "static") != "static":
        yield line_of(mpd.root), f"MPD@type is {mpd.root.get('type', '')[:40]!r}, a song is static"
    for name in ("profiles", "minBufferTime"):
        if name not in mpd.root.attrib:
            yield line_of(mpd.root), f"MPD without @{name}"


@rules.rule(3, "5.3.1.2")
def durations_are_durations(mpd: Mpd) -> Violations:
    """A static MPD has a duration, and every duration is an xs:duration."""
    if "mediaPresentationDuration" not in mpd.root.attrib:
        yield line_of(mpd.root), "MPD without @mediaPresentationDuration"
    for element in (mpd.root, *mpd.root.iterfind("m:Period", NAMES)):
        for name in ("mediaPresentationDuration", "minBufferTime", "start", "duration"):
            try:
                mpd_reader.seconds(element.get(name, "PT0S"))
            except ManifestError as error:
                yield line_of(element), f"@{name}: {error}"


@rules.rule(4, "5.3.2, 5.3.3, 5.3.5")
def there_is_something_to_play(mpd: Mpd) -> Violations:
    """A Period with an AdaptationSet with a Representation."""
    if mpd.root.find(_REPRESENTATIONS, NAMES) is None:
        yield line_of(mpd.root), "no Representation"
    for element in mpd.root.iterfind(ADAPTATION_SETS, NAMES):
        if element.find("m:Representation", NAMES) is None:
            yield line_of(element), "AdaptationSet without a Representation"


@rules.rule(5, "5.3.5.2")
def representations_have_their_own_names(mpd: Mpd) -> Violations:
    """Representation@id is there, without spaces, and stands once in its Period."""
    for period in mpd.root.iterfind("m:Period", NAMES):
        seen: Counter[str] = Counter()
        for element in period.iterfind("m:AdaptationSet/m:Representation", NAMES):
            name = element.get("id", "")
            seen[name] += 1
            if not name or name.split() != [name] or seen[name] > 1:
                yield (
                    line_of(element),
                    f"Representation@id {name[:40]!r} is empty, has spaces or stands twice",
                )


@rules.rule(6, "5.3.7.2")
def representations_say_what_they_are(mpd: Mpd) -> Violations:
    """mimeType and codecs stand at the Representation or its AdaptationSet."""
    for element in mpd.root.iterfind(_REPRESENTATIONS, NAMES):
        for name in ("mimeType", "codecs"):
            if not attribute(element, name):
                yield line_of(element), f"Representation without @{name}"


@rules.rule(7, "5.3.9.4")
def every_segment_has_an_address(mpd: Mpd) -> Violations:
    """SegmentTemplate expands to segments of which no two share an address; a Representation without is one file with its index."""
    yield from mpd.problems
    for each in mpd.representations:
        if not each.segments and each.index_range is None:
            yield each.line, "Representation without segments"
        if len({segment.url for segment in each.segments}) < len(each.segments):
            yield each.line, "two segments of a Representation have one address"


@rules.rule(8, "5.3.9.6")
def the_timeline_has_no_holes(mpd: Mpd) -> Violations:
    """Each segment lasts longer than 0 and starts where the one before ended."""
    for each in mpd.representations:
        end = each.time_offset
        for segment in each.segments:
            if segment.duration == 0 or segment.start != end:
                yield (
                    each.line,
                    f"{segment.url[:80]} starts at {segment.start} and lasts {segment.duration}, due at {end}",
                )
                break
            end = segment.start + segment.duration


@rules.rule(9, "5.3.3.2")
def aligned_segments_are_aligned(mpd: Mpd) -> Violations:
    """segmentAlignment="true" is only said where all Representations cut at the same moments."""
    for index, adaptation in enumerate(mpd.root.iterfind(ADAPTATION_SETS, NAMES)):
        cuts = {
            tuple(Fraction(segment.start - each.time_offset, each.timescale) for segment in each.segments)
            for each in mpd.representations
            if each.adaptation_set == index
        }
        if adaptation.get("segmentAlignment") == "true" and len(cuts) > 1:
            yield line_of(adaptation), "segmentAlignment is claimed, but the Representations cut differently"


@rules.rule(10, "5.3.2.1")
def the_timeline_ends_with_the_song(mpd: Mpd) -> Violations:
    """The last segment ends within one tick of mediaPresentationDuration."""
    for each in mpd.representations:
        if each.segments and mpd.duration is not None:
            last = each.segments[-1]
            end = Fraction(last.start + last.duration - each.time_offset, each.timescale)
            if abs(end - mpd.duration) >= Fraction(1, each.timescale):
                yield (
                    each.line,
                    f"segments end at {float(end):.6f} s, the presentation at {float(mpd.duration):.6f} s",
                )


@rules.rule(11, "5.8.4.1")
def protection_is_named(mpd: Mpd) -> Violations:
    """ContentProtection has a scheme; that of MP4 names one of ISO/IEC 23001-7 and the KID (§11.2 there)."""
    for element in mpd.root.iterfind(".//m:ContentProtection", NAMES):
        scheme = element.get("schemeIdUri", "")
        if not scheme:
            yield line_of(element), "ContentProtection without @schemeIdUri"
        if scheme == MP4_PROTECTION:
            if element.get("value", "") not in _SCHEMES:
                yield (
                    line_of(element),
                    f"ContentProtection@value {element.get('value', '')[:40]!r} is no scheme",
                )
            kids = element.get(f"{{{CENC}}}default_KID", "").split()
            if not kids or not all(_UUID.fullmatch(kid) for kid in kids):
                yield line_of(element), "cenc:default_KID is no UUID"


@rules.rule(12, "FACTS, players")
def clearkey_misleads_no_player(mpd: Mpd) -> Violations:
    """A ClearKey dashif:Laurl is absolute, because players resolve it against the page; cenc:pssh, with which dash.js fails, is absent."""
    for element in mpd.root.iterfind(f".//m:ContentProtection[@schemeIdUri='{CLEARKEY}']", NAMES):
        address = element.findtext("dashif:Laurl", "/", NAMES).strip()
        if not address.startswith(("https://", "http://", "/")):
            yield line_of(element), f"ClearKey with the relative dashif:Laurl {address[:80]!r}"
        if element.find("cenc:pssh", NAMES) is not None:
            yield line_of(element), "ClearKey with a cenc:pssh"


@rules.rule(13, "5.8.5.4", "warning")
def channels_are_told(mpd: Mpd) -> Violations:
    """Audio has an AudioChannelConfiguration."""
    for element in mpd.root.iterfind(_REPRESENTATIONS, NAMES):
        audio = attribute(element, "mimeType").startswith("audio/")
        if audio and inherited(element, "AudioChannelConfiguration") is None:
            yield line_of(element), "Representation without AudioChannelConfiguration"


@rules.rule(14, "FACTS, gapless", "warning")
def one_sample_rate(mpd: Mpd) -> Violations:
    """All Representations of an AdaptationSet have one sample rate: switching between two loses samples and treble."""
    for index, adaptation in enumerate(mpd.root.iterfind(ADAPTATION_SETS, NAMES)):
        rates = {each.sample_rate for each in mpd.representations if each.adaptation_set == index}
        if len(rates) > 1:
            yield line_of(adaptation), f"sample rates {', '.join(map(str, sorted(rates)))}"
