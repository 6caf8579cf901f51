"""Protection: what headers, fragments and presentation.json say of scheme, KID and IVs (ISO/IEC 23001-7)."""

from __future__ import annotations

from collections import Counter

from drm.pssh import common_pssh
from media.boxes import MoovBox, PsshBox, SencBox, TrafBox, find_all, parse
from media.errors import BoxError
from packager.fragments import Init
from packager.verify.book import Book, Violations
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
    """tenc names the presentation's KID."""
    kid = evidence.presentation.protection.kid
    for track in evidence.tracks:
        if isinstance(track.init, Init) and track.init.scheme in COMMON and track.init.kid != kid:
            yield track.rendition.init, f"tenc names KID {track.init.kid}, presentation.json {kid}"


@drm_rules.rule(3, "W3C EME, “cenc” initialization data §4")
def the_browser_finds_the_kid(evidence: Evidence) -> Violations:
    """A protected header holds one common pssh with the KID, which hls.js waits for; a clear one holds none."""
    protection = evidence.presentation.protection
    common = protection.scheme in COMMON and protection.kid is not None
    due = [common_pssh([protection.kid])] if common and protection.kid else []
    for track in evidence.tracks:
        body = evidence.body(track.rendition.init)
        if not isinstance(track.init, Init) or body is None:
            continue
        moov = next(find_all(parse(body), MoovBox))
        if moov.all(PsshBox) != due:
            yield (
                track.rendition.init,
                f"not exactly the common pssh of KID {protection.kid}" if due else "a pssh",
            )


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


@drm_rules.rule(5, "ISO/IEC 23001-7 §9.2, §9.3")
def no_iv_is_used_twice(evidence: Evidence) -> Violations:
    """No two renditions share a constant IV, and no two samples under one key an IV of cenc: that would give the keystream away."""
    told = Counter(rendition.iv for rendition in evidence.presentation.renditions if rendition.iv)
    for iv, times in told.items():
        if times > 1:
            yield "audio", f"{times} renditions share the IV {iv}"
    if evidence.presentation.protection.scheme != "cenc":
        return
    seen: set[bytes] = set()
    for track in evidence.tracks:
        for fragment in track.sound_fragments():
            try:
                data = fragment.moof.get(TrafBox).get(SencBox).ivs(8)
            except BoxError as error:
                yield fragment.segment.path, str(error)
                continue
            ivs = {data[place : place + 8] for place in range(0, len(data), 8)}
            if len(ivs) * 8 < len(data) or seen & ivs:
                yield fragment.segment.path, "an IV that another sample under this key has, too"
            seen |= ivs


@drm_rules.rule(6, "nothing can be heard without the key", "warning")
def the_key_is_known(evidence: Evidence) -> Violations:
    """The content key is in the key store or was given, so that the sound could be checked."""
    kids = {evidence.kid_of(rendition) for rendition in evidence.presentation.renditions}
    for kid in sorted(str(kid) for kid in kids if kid is not None and kid not in evidence.keys):
        yield "audio", f"no key for KID {kid}: not decrypted, not listened to"
