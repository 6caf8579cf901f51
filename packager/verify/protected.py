"""Protection: what headers, fragments and presentation.json say of scheme, KID and IVs (ISO/IEC 23001-7)."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from drm.pssh import COMMON_SYSTEM_ID, common_pssh
from drm.systems import CLEARKEY, FAIRPLAY, SYSTEMS, DrmSystem
from manifests.attributes import unquoted
from manifests.rules.hls_segments import identity_key
from media.boxes import PsshBox, SencBox, TrafBox
from media.errors import BoxError
from packager.fragments import Init
from packager.verify.book import Book, Violations
from packager.verify.documents import media_playlists, mpds
from packager.verify.evidence import Evidence

drm_rules = Book("DRM")
COMMON = ("cenc", "cbcs")


@drm_rules.rule(1, "ISO/IEC 23001-7 §4")
def the_scheme_is_the_one_told(evidence: Evidence) -> Violations:
    """The header's scheme is the presentation's; AES-128 is not the file format's business and leaves it clear."""
    scheme = evidence.presentation.protection.scheme
    due = scheme if scheme in COMMON else "none"
    for track in evidence.tracks:
        if isinstance(track.init, Init) and track.init.scheme != due:
            yield track.rendition.init, f"its scheme is {track.init.scheme}, presentation.json makes it {due}"


@drm_rules.rule(2, "ISO/IEC 23001-7 §8.2")
def the_kid_is_the_one_told(evidence: Evidence) -> Violations:
    """tenc names the KID that presentation.json tells for the rendition, its own or that of all."""
    for track in evidence.tracks:
        kid = evidence.kid_of(track.rendition)
        if isinstance(track.init, Init) and track.init.scheme in COMMON and track.init.kid != kid:
            yield track.rendition.init, f"tenc names KID {track.init.kid}, presentation.json {kid}"


@drm_rules.rule(3, "W3C EME, “cenc” initialization data §4")
def the_browser_finds_the_kid(evidence: Evidence) -> Violations:
    """A protected header holds one common pssh with the KID, which hls.js waits for; a clear one holds no pssh."""
    common = evidence.presentation.protection.scheme in COMMON
    for track in evidence.tracks:
        if not isinstance(track.init, Init) or track.moov is None:
            continue
        kid, found = evidence.kid_of(track.rendition), track.moov.all(PsshBox)
        if not common or kid is None:
            if found:
                yield track.rendition.init, "a pssh"
        elif [box for box in found if box.system_id == COMMON_SYSTEM_ID.bytes] != [common_pssh([kid])]:
            yield track.rendition.init, f"not exactly one common pssh, of KID {kid}"


@drm_rules.rule(4, "ISO/IEC 23001-7 §9.2, RFC 8216bis §4.4.4.4")
def the_iv_is_the_one_told(evidence: Evidence) -> Violations:
    """presentation.json tells the constant IV of tenc for cbcs, 16 bytes for AES-128, and nothing otherwise."""
    scheme = evidence.presentation.protection.scheme
    for track in evidence.tracks:
        told, init = track.rendition.iv, track.init
        if scheme == "cbcs":
            right = not isinstance(init, Init) or init.constant_iv.hex() == told
        else:
            right = len(told) == (32 if scheme == "aes-128" else 0)
        if not right:
            yield track.rendition.init, f"its IV is not the one that presentation.json tells, {told!r}"


@drm_rules.rule(5, "ISO/IEC 23001-7 §9.2, §9.3", anywhere=True)
def no_iv_is_used_twice(evidence: Evidence) -> Violations:
    """No two renditions share a constant IV, and no two samples under one key an IV of cenc: that would give the keystream away."""
    told = Counter((evidence.kid_of(each), each.iv) for each in evidence.presentation.renditions if each.iv)
    for (_, iv), times in told.items():
        if times > 1:
            yield "audio", f"{times} renditions share the IV {iv}"
    seen: dict[UUID | None, set[bytes]] = {}
    for track in evidence.tracks:
        if not isinstance(track.init, Init) or track.init.scheme != "cenc":
            continue
        used = seen.setdefault(track.init.kid, set())
        for fragment in track.sound_fragments():
            try:
                data = fragment.moof.get(TrafBox).get(SencBox).ivs(track.init.iv_size)
            except BoxError as error:
                yield fragment.segment.path, str(error)
                continue
            size = track.init.iv_size
            ivs = {data[place : place + size] for place in range(0, len(data), size)}
            if len(ivs) * size < len(data) or used & ivs:
                yield fragment.segment.path, "an IV that another sample under this key has, too"
            used |= ivs


@drm_rules.rule(6, "nothing can be heard without the key", "warning", anywhere=True)
def the_key_is_known(evidence: Evidence) -> Violations:
    """The content key is in the key store or was given, so that the sound could be checked."""
    kids = {evidence.kid_of(rendition) for rendition in evidence.presentation.renditions}
    for kid in sorted(str(kid) for kid in kids if kid is not None and kid not in evidence.keys):
        yield "audio", f"no key for KID {kid}: not decrypted, not listened to"


@drm_rules.rule(7, "ISO/IEC 23001-7 §8.1, §11.2, RFC 8216bis §4.4.4.4")
def every_system_is_signalled(evidence: Evidence) -> Violations:
    """Each DRM system that presentation.json names is in every header, where it has a pssh, in the MPD and in the playlists of the family hls; no other is."""
    told = {each for each in SYSTEMS if each.name in evidence.presentation.protection.systems}
    others = set(SYSTEMS) - {CLEARKEY}
    for track in evidence.tracks:
        boxes = [] if track.moov is None else track.moov.all(PsshBox)
        found = {each for each in others if each.pssh_id in {UUID(bytes=box.system_id) for box in boxes}}
        yield from _differences(track.rendition.init, {each for each in told if each.pssh_id}, found)
    for path, mpd in mpds(evidence):
        for each in mpd.representations:
            schemes = {protection.scheme_id for protection in each.protections}
            found = {system for system in others if system.scheme_id_uri in schemes}
            # FairPlay is not for DASH, and may be told there all the same.
            yield from _differences(f"{path} line {each.line}", told - {FAIRPLAY}, found - {FAIRPLAY})
    for kind, _, path, playlist in media_playlists(evidence):
        keys = [unquoted(tag.attributes.get("KEYFORMAT", "")) for tag in playlist.all("EXT-X-KEY")]
        found = {system for system in others if system.keyformat in keys}
        yield from _differences(path, told if kind == "hls" else set(), found)


def _differences(place: str, told: set[DrmSystem], found: set[DrmSystem]) -> Violations:
    for system in sorted(told ^ found, key=lambda each: each.name):
        text = "it does not signal" if system in told else "it signals, and presentation.json does not name,"
        yield place, f"{text} {system.title}"


@drm_rules.rule(8, "RFC 8216bis §4.4.4.4", anywhere=True)
def a_key_in_a_playlist_is_the_key(evidence: Evidence) -> Violations:
    """An identity key that stands in a playlist itself is the content key, not its KID nor any other."""
    for _, rendition, path, playlist in media_playlists(evidence):
        kid, key = evidence.kid_of(rendition), evidence.key_of(rendition)
        for tag in playlist.all("EXT-X-KEY"):
            told = identity_key(tag)
            place = f"{path} line {tag.line}"
            if not told or kid is None:
                continue
            if told == kid.bytes:
                yield place, "its data address holds the KID, where the key is due"
            elif key is not None and told != key:
                yield place, f"its data address holds another key than that of KID {kid}"
