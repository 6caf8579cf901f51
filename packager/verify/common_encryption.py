"""Common Encryption by the bytes alone (ISO/IEC 23001-7): what the boxes of a track say must fit together.

What presentation.json tells of scheme, KID and IVs is compared in `protected`.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from drm import playready
from drm.playready import PlayReadyHeader
from drm.pssh import COMMON_SYSTEM_ID
from drm.systems import PLAYREADY, WIDEVINE, by_id
from drm.widevine import WidevineData
from media.boxes import (
    Box,
    EncaBox,
    MdiaBox,
    MinfBox,
    MoovBox,
    PsshBox,
    SaioBox,
    SaizBox,
    SchiBox,
    SchmBox,
    SencBox,
    SinfBox,
    StblBox,
    StsdBox,
    TencBox,
    TrafBox,
    TrakBox,
    TrunBox,
)
from media.errors import FormatError
from packager.fragments import Init
from packager.verify.book import Book, Violations
from packager.verify.evidence import Evidence, Fragment, Track

cenc_rules = Book("CENC", anywhere=True)
VERSION = 0x10000
IV_SIZES = (0, 8, 16)
# §10: whether a scheme has a pattern, which asks for version 1 of tenc
PATTERNED = {b"cenc": False, b"cbc1": False, b"cens": True, b"cbcs": True}


def _protected(evidence: Evidence) -> Iterator[tuple[Track, SchmBox, TencBox]]:
    """The tracks that say they are encrypted, with what they say; also those whose header `read_init` refuses."""
    for track in evidence.tracks:
        entry = None if track.moov is None else _entry(track.moov)
        if entry is not None:
            sinf = entry.get(SinfBox)
            yield track, sinf.get(SchmBox), sinf.get(SchiBox).get(TencBox)


def _entry(moov: MoovBox) -> EncaBox | None:
    stbl = moov.get(TrakBox).get(MdiaBox).get(MinfBox).get(StblBox)
    return next((box for box in stbl.get(StsdBox).children if isinstance(box, EncaBox)), None)


@cenc_rules.rule(1, "ISO/IEC 23001-7 §4.1, §4.2, §10")
def the_scheme_is_one_of_four(evidence: Evidence) -> Violations:
    """schm names cenc, cbc1, cens or cbcs in version 1.0, and tenc has the version that the scheme needs: 1 with a pattern, 0 without."""
    for track, schm, tenc in _protected(evidence):
        place, pattern = track.rendition.init, PATTERNED.get(schm.scheme_type)
        if pattern is None:
            yield place, f"scheme {schm.scheme_type!r}"
            continue
        if schm.scheme_version != VERSION:
            yield place, f"schm has scheme version 0x{schm.scheme_version:08x}, not 0x{VERSION:08x}"
        if tenc.version != pattern:
            yield place, f"tenc of version {tenc.version} with {schm.scheme_type.decode()}"


@cenc_rules.rule(2, "ISO/IEC 23001-7 §8.2, §9.1, §9.2")
def the_defaults_make_sense(evidence: Evidence) -> Violations:
    """tenc: samples are protected, IVs have 8 or 16 bytes, a constant one stands where samples have none, and the KID is not zero."""
    for track, _, tenc in _protected(evidence):
        place = track.rendition.init
        if tenc.protected != 1:
            yield place, f"tenc has isProtected {tenc.protected}"
        if tenc.iv_size not in IV_SIZES:
            yield place, f"tenc has IVs of {tenc.iv_size} bytes"
        if tenc.iv_size == 0 and len(tenc.constant_iv) not in IV_SIZES[1:]:
            yield place, f"tenc has a constant IV of {len(tenc.constant_iv)} bytes, and samples have none"
        if not any(tenc.kid):
            yield place, "tenc names the KID 0"


@cenc_rules.rule(3, "ISO/IEC 23001-7 §9.5.1, §10.4.2")
def audio_is_encrypted_whole(evidence: Evidence) -> Violations:
    """Samples of audio are encrypted whole: no pattern, no subsamples."""
    for track, _, tenc in _protected(evidence):
        if tenc.crypt_blocks or tenc.skip_blocks:
            yield track.rendition.init, f"tenc has the pattern {tenc.crypt_blocks}:{tenc.skip_blocks}"
        for fragment in track.sound_fragments():
            for senc in fragment.moof.get(TrafBox).all(SencBox):
                if senc.flags & SencBox.SUBSAMPLES:
                    yield fragment.segment.path, "senc has subsamples"


@cenc_rules.rule(4, "ISO/IEC 23001-7 §7.1, §7.2")
def every_sample_has_its_iv(evidence: Evidence) -> Violations:
    """Where samples have IVs of their own, a fragment has one senc, saiz and saio; where one IV is for all, it has all three or none. A clear track has none."""
    protected = {track.rendition.name: tenc for track, _, tenc in _protected(evidence)}
    for track in evidence.tracks:
        tenc = protected.get(track.rendition.name)
        for fragment in track.sound_fragments():
            traf = fragment.moof.get(TrafBox)
            found = [len(traf.all(kind)) for kind in (SencBox, SaizBox, SaioBox)]
            due = [[0, 0, 0]] if tenc is None else [[1, 1, 1]] if tenc.iv_size else [[0, 0, 0], [1, 1, 1]]
            if found not in due:
                told = ", ".join(
                    f"{count} {name}" for count, name in zip(found, ("senc", "saiz", "saio"), strict=True)
                )
                yield fragment.segment.path, told


@cenc_rules.rule(5, "ISO/IEC 14496-12 §8.7.8, §8.7.9, ISO/IEC 23001-7 §7.2")
def the_tables_agree(evidence: Evidence) -> Violations:
    """senc and saiz have an entry for each sample of trun, of the size that the IVs make, and saio points at the first of them."""
    for track, _, tenc in _protected(evidence):
        for fragment in track.sound_fragments():
            traf = fragment.moof.get(TrafBox)
            senc, saiz, saio = traf.find(SencBox), traf.find(SaizBox), traf.find(SaioBox)
            if senc is None or saiz is None or saio is None:
                continue  # CENC-4
            for text in _disagreements(fragment, senc, saiz, saio, tenc.iv_size):
                yield fragment.segment.path, text


def _disagreements(
    fragment: Fragment, senc: SencBox, saiz: SaizBox, saio: SaioBox, iv_size: int
) -> Iterator[str]:
    samples = sum(run.sample_count for run in fragment.moof.get(TrafBox).all(TrunBox))
    if not senc.sample_count == saiz.sample_count == samples:
        yield f"trun has {samples} samples, senc {senc.sample_count}, saiz {saiz.sample_count}"
    sizes = {saiz.default_size} if saiz.default_size else set(saiz.sizes)
    if senc.flags & SencBox.SUBSAMPLES:
        return  # CENC-3; how long an entry is then depends on it
    if sizes - {iv_size} or len(senc.data) != senc.sample_count * iv_size:
        yield f"tenc has IVs of {iv_size} bytes, saiz of {sorted(sizes)}, senc {len(senc.data)} bytes of them"
    due = _place_of_ivs(fragment)
    if saio.offsets.tolist() != [due]:
        yield f"saio points to {saio.offsets.tolist()}, the first IV is at {due}"


def _place_of_ivs(fragment: Fragment) -> int:
    """Bytes from the start of moof to the first IV in its senc."""
    place = 8
    for box in fragment.moof.children:
        if isinstance(box, TrafBox):
            place += 8 + sum(len(child.to_bytes()) for child in _before(box.children))
            break
        place += len(box.to_bytes())
    return place + 16  # senc's header, version and flags, count


def _before(children: tuple[Box, ...]) -> Iterator[Box]:
    for child in children:
        if isinstance(child, SencBox):
            return
        yield child


@cenc_rules.rule(6, "ISO/IEC 23001-7 §8.1, each system's own")
def every_pssh_can_be_read(evidence: Evidence) -> Violations:
    """A pssh has version 0 or 1 and, of a system that we know, holds what clients of that system read."""
    for track in evidence.tracks:
        for box in () if track.moov is None else track.moov.children:
            if box.type == PsshBox.TYPE and not isinstance(box, PsshBox):
                yield track.rendition.init, "a pssh of a version that is neither 0 nor 1"
    for track, box in _psshs(evidence):
        try:
            told_kids(box)
        except FormatError as error:
            yield track.rendition.init, f"pssh of {system_name(box)}: {error}"


@cenc_rules.rule(7, "ISO/IEC 23001-7 §8.1, §11.2")
def every_pssh_names_the_kid(evidence: Evidence) -> Violations:
    """A pssh that names KIDs names the one in tenc."""
    kids = {track.rendition.name: UUID(bytes=tenc.kid) for track, _, tenc in _protected(evidence)}
    for track, box in _psshs(evidence):
        kid, told = kids.get(track.rendition.name), _kids_or_none(box)
        if kid is not None and told and kid not in told:
            yield (
                track.rendition.init,
                f"pssh of {system_name(box)} names {', '.join(map(str, told))}, tenc {kid}",
            )


@cenc_rules.rule(8, "ISO/IEC 23001-7 §8.1", "warning")
def no_system_is_told_twice(evidence: Evidence) -> Violations:
    """There are no two pssh of one system with the same contents: a licence would be asked for twice."""
    for track in evidence.tracks:
        boxes = [] if track.moov is None else track.moov.all(PsshBox)
        for box in dict.fromkeys(boxes):
            if boxes.count(box) > 1:
                yield track.rendition.init, f"{boxes.count(box)} times the same pssh of {system_name(box)}"


@cenc_rules.rule(9, "drm/widevine.py, PlayReady Header Specification §3.4")
def every_pssh_asks_for_the_right_cipher(evidence: Evidence) -> Violations:
    """Widevine's protection_scheme and PlayReady's ALGID are those of the scheme; nothing said means cenc."""
    schemes = {
        track.rendition.name: schm.scheme_type.decode("ascii", "replace")
        for track, schm, _ in _protected(evidence)
    }
    for track, box in _psshs(evidence):
        scheme, told = schemes.get(track.rendition.name, ""), _ciphers(box)
        due = playready.ALGORITHMS.get(scheme, "") if box.system_id == PLAYREADY.system_id.bytes else scheme
        if told - {due}:
            yield (
                track.rendition.init,
                f"pssh of {system_name(box)} is for {', '.join(sorted(told))}, not {due}",
            )


@cenc_rules.rule(10, "PlayReady Header Specification §3.4")
def checksums_are_those_of_the_key(evidence: Evidence) -> Violations:
    """Where the key is known, PlayReady's checksum is its: else clients reject the right key."""
    for track, box in _psshs(evidence):
        if box.system_id != PLAYREADY.system_id.bytes or not isinstance(track.init, Init):
            continue
        key = evidence.key_of(track.rendition)
        for each in _playready(box):
            told = each.checksum if each.kid == track.init.kid else b""
            if key is not None and told and told != playready.checksum(each.kid, key):
                yield track.rendition.init, f"PlayReady's checksum of KID {each.kid} is of another key"


def _psshs(evidence: Evidence) -> Iterator[tuple[Track, PsshBox]]:
    for track in evidence.tracks:
        for box in () if track.moov is None else track.moov.all(PsshBox):
            yield track, box


def system_name(box: PsshBox) -> str:
    """The system of a pssh by its title, or its id."""
    system_id = UUID(bytes=box.system_id)
    if system_id == COMMON_SYSTEM_ID:
        return "the common system"
    system = by_id(system_id)
    return str(system_id) if system is None else system.title


def told_kids(box: PsshBox) -> tuple[UUID, ...]:
    """The KIDs in a pssh, in its table and in the data of a system that we know. Raises `FormatError` for such data that is none."""
    kids = tuple(UUID(bytes=kid) for kid in box.kids)
    if box.system_id == WIDEVINE.system_id.bytes:
        kids += WidevineData.read(box.data).kids
    elif box.system_id == PLAYREADY.system_id.bytes:
        kids += tuple(each.kid for each in PlayReadyHeader.read(box.data).keys)
    return tuple(dict.fromkeys(kids))


def _kids_or_none(box: PsshBox) -> tuple[UUID, ...]:
    try:
        return told_kids(box)
    except FormatError:
        return ()  # CENC-6


def _playready(box: PsshBox) -> tuple[playready.PlayReadyKey, ...]:
    try:
        return PlayReadyHeader.read(box.data).keys
    except FormatError:
        return ()  # CENC-6


def _ciphers(box: PsshBox) -> set[str]:
    """What the contents of a pssh are to be decrypted by, in the words of its system; empty where it does not tell."""
    if box.system_id == PLAYREADY.system_id.bytes:
        return {each.algorithm for each in _playready(box)} - {""}
    if box.system_id != WIDEVINE.system_id.bytes:
        return set()
    try:
        return {WidevineData.read(box.data).scheme or "cenc"}
    except FormatError:
        return set()
