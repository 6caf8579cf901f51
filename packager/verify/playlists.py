"""The HLS playlists against presentation.json: the same renditions, segments, durations and keys."""

from __future__ import annotations

from fractions import Fraction

from manifests.attributes import unquoted
from manifests.byte_range import ByteRange, of_length
from manifests.hls_keys import METHODS
from media import layout
from packager.verify.book import Book, Violations
from packager.verify.documents import media_playlists, multivariants, resolved
from packager.verify.evidence import Evidence

hls_rules = Book("LIST")


@hls_rules.rule(1, "RFC 8216bis §4.4.6.2")
def every_rendition_is_a_variant(evidence: Evidence) -> Violations:
    """A multivariant playlist names the media playlist of every rendition once, and no other."""
    for kind, path, playlist in multivariants(evidence):
        found = sorted(resolved(uri.text, path) for uri in playlist.uris)
        due = sorted(evidence.playlist_path(each.name, kind) for each in evidence.presentation.renditions)
        for missing in sorted(set(due) - set(found)):
            yield path, f"no variant {missing}"
        for extra in sorted(set(found) - set(due)):
            yield path, f"variant {extra} is not of this presentation"
        if len(set(found)) < len(found):
            yield path, "a variant stands twice"


@hls_rules.rule(2, "RFC 8216bis §4.4.6.2")
def variants_are_described_as_told(evidence: Evidence) -> Violations:
    """BANDWIDTH, AVERAGE-BANDWIDTH and CODECS of a variant are those of its rendition."""
    for kind, path, playlist in multivariants(evidence):
        renditions = {
            evidence.playlist_path(each.name, kind): each for each in evidence.presentation.renditions
        }
        for uri in playlist.uris:
            rendition, tag = renditions.get(resolved(uri.text, path)), uri.tag("EXT-X-STREAM-INF")
            if rendition is None or tag is None:
                continue
            told = {
                "BANDWIDTH": str(rendition.bandwidth),
                "AVERAGE-BANDWIDTH": str(rendition.average_bandwidth),
                "CODECS": rendition.codec,
            }
            for name, due in told.items():
                if (found := unquoted(tag.attributes.get(name, ""))) != due:
                    yield (
                        f"{path} line {tag.line}",
                        f"{name} is {found or 'missing'}, the rendition has {due}",
                    )


@hls_rules.rule(3, "RFC 8216bis §4.4.4.2, §4.4.4.5, §6.2.1")
def media_playlists_name_every_segment(evidence: Evidence) -> Violations:
    """A media playlist names the rendition's init segment and its media segments, all of them and in order; byte ranges where they are parts of one file."""
    for _, rendition, path, playlist in media_playlists(evidence):
        found = [(resolved(each.uri, path), each.byte_range) for each in playlist.segments]
        due = [
            (each.path, ByteRange(each.offset, each.offset + each.size - 1) if rendition.one_file else None)
            for each in rendition.segments
        ]
        if found != due:
            yield path, f"its {len(found)} segments are not the {len(due)} of the rendition, in order"
        head = ByteRange(0, rendition.init_size - 1) if rendition.one_file else None
        inits = {each.init.line: each.init for each in playlist.segments if each.init is not None}
        told = [
            (
                resolved(unquoted(tag.attributes.get("URI", "")), path),
                of_length(unquoted(tag.attributes.get("BYTERANGE", "")), 0),
            )
            for tag in inits.values()
        ]
        if set(told) != {(rendition.init, head)} or any(each.init is None for each in playlist.segments):
            yield path, f"EXT-X-MAP is not the init section in {rendition.init} for every segment"


@hls_rules.rule(4, "RFC 8216bis §4.4.4.1")
def durations_add_up(evidence: Evidence) -> Violations:
    """EXTINF adds up to where each segment ends on the media timeline, priming included, and in the end to the song; to half a sample."""
    rate, samples = evidence.presentation.sample_rate, evidence.presentation.samples
    for _, rendition, path, playlist in media_playlists(evidence):
        found = Fraction(0)
        for read, segment in zip(playlist.segments, rendition.segments, strict=False):
            found += read.duration or 0
            end = segment.start + segment.duration
            due = Fraction(end if end == samples else end + rendition.priming, rate)
            if abs(found - due) * 2 * rate > 1:
                off = float(found - due)
                yield (
                    f"{path} line {read.line}",
                    f"EXTINF adds up to {off:+.6f} s off the end of {segment.path}",
                )
                break


@hls_rules.rule(5, "RFC 8216bis §4.4.3.1")
def the_target_duration_is_that_of_the_longest_segment(evidence: Evidence) -> Violations:
    """EXT-X-TARGETDURATION is the longest EXTINF, rounded to the nearest integer, at least 1."""
    for _, _, path, playlist in media_playlists(evidence):
        longest = max((segment.duration or Fraction(0) for segment in playlist.segments), default=Fraction(0))
        due = str(max(1, int(longest + Fraction(1, 2))))
        found = [tag.value for tag in playlist.all("EXT-X-TARGETDURATION")]
        if found != [due]:
            yield (
                path,
                f"EXT-X-TARGETDURATION is {', '.join(found) or 'missing'}, the longest segment makes it {due}",
            )


@hls_rules.rule(6, "RFC 8216bis §4.4.4.4, docs/decisions/0008")
def keys_are_those_of_the_protection(evidence: Evidence) -> Violations:
    """Every segment has the one key of its family: method, key format and IV as presentation.json makes them; a clear one has none. Lines for DRM systems have the same method."""
    scheme = evidence.presentation.protection.scheme
    for kind, rendition, path, playlist in media_playlists(evidence):
        licensed = scheme in ("cenc", "cbcs") and kind == "hls"
        own = "org.w3.clearkey" if licensed else "identity"
        due = {
            "METHOD": METHODS.get(scheme, ""),
            "KEYFORMAT": own,
            "IV": f"0x{rendition.iv}" if rendition.iv and not licensed else "",
        }
        for segment in playlist.segments:
            place = f"{path} line {segment.line}"
            keys = [key.attributes for key in segment.keys]
            if scheme == "none":
                if keys:
                    yield place, "a key for a clear segment"
                    break
                continue
            mine = [key for key in keys if unquoted(key.get("KEYFORMAT", '"identity"')) == own]
            if len(mine) != 1:
                yield place, f"{len(mine)} keys of the format {own} apply, one expected"
                break
            found = {
                "METHOD": mine[0].get("METHOD", ""),
                "KEYFORMAT": own,
                "IV": mine[0].get("IV", "").lower(),
            }
            if found != due or any(key.get("METHOD") != due["METHOD"] for key in keys):
                yield place, f"the key is {found}, due is {due}"
                break


@hls_rules.rule(7, "RFC 8216bis §4.4.4.4")
def key_addresses_name_the_kid(evidence: Evidence) -> Violations:
    """Where the address of a key holds the KID, it is the rendition's."""
    protection = evidence.presentation.protection
    if protection.scheme == "none" or "{kid}" not in (protection.key_url or layout.KEYS):
        return
    for _, rendition, path, playlist in media_playlists(evidence):
        kid = str(evidence.kid_of(rendition))
        for tag in playlist.all("EXT-X-KEY"):
            identity = unquoted(tag.attributes.get("KEYFORMAT", '"identity"')) == "identity"
            if identity and kid not in unquoted(tag.attributes.get("URI", "")):
                yield f"{path} line {tag.line}", f"the key's address does not name KID {kid}"
