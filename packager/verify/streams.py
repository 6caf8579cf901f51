"""Renditions as each manifest describes them, in one shape, so that manifests can be compared with each other and with the bytes.

A stream is known by where its init section lies: names are the manifests' own affair.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from uuid import UUID

from drm.systems import PLAYREADY, SYSTEMS
from manifests.attributes import unquoted
from manifests.hls_reader import Playlist, Tag, Uri
from manifests.mpd_reader import MpdProtection, MpdRepresentation
from manifests.segment_template import INTEGER
from media.boxes import PsshBox, find_all, parse
from media.errors import FormatError
from packager.verify.common_encryption import told_kids
from packager.verify.documents import media_playlists, mpds, multivariants, resolved
from packager.verify.evidence import Evidence

SCHEMES = {
    "SAMPLE-AES": "cbcs",
    "SAMPLE-AES-CTR": "cenc",
    "AES-128": "aes-128",
}  # by METHOD, RFC 8216bis §4.4.4.4


@dataclass(frozen=True, slots=True)
class Stream:
    """`manifest` is its path and `place` the line there. `ends` are where segments end, in seconds; empty where an index tells.

    `scheme` is empty in the clear. `kids` are those that are told in any way, `psshs` system ids and what their boxes hold.
    """

    manifest: str
    place: str
    init: str
    segments: tuple[str, ...]
    ends: tuple[Fraction, ...]
    codecs: str
    bandwidth: int
    scheme: str
    kids: frozenset[UUID]
    psshs: frozenset[tuple[UUID, bytes]]


def hls_streams(evidence: Evidence, kind: str) -> Iterator[Stream]:
    """The variants of the multivariant playlist of one family whose media playlists can be read."""
    playlists = {path: playlist for found, _, path, playlist in media_playlists(evidence) if found == kind}
    for found, path, multivariant in multivariants(evidence):
        if found != kind:
            continue
        for uri in multivariant.uris:
            tag, address = uri.tag("EXT-X-STREAM-INF"), resolved(uri.text, path)
            if tag is not None and address in playlists:
                yield _variant(path, uri, tag, address, playlists[address])


def _variant(manifest: str, uri: Uri, tag: Tag, address: str, playlist: Playlist) -> Stream:
    segments = playlist.segments
    init = next((each.init for each in segments if each.init is not None), None)
    keys = list({key.line: key for segment in segments for key in segment.keys}.values())
    psshs = frozenset(pssh for key in keys for pssh in _psshs_of_key(key))
    methods = [key.attributes.get("METHOD", "") for key in keys]
    bandwidth = tag.attributes.get("BANDWIDTH", "")
    return Stream(
        manifest=manifest,
        place=f"{manifest} line {uri.line}",
        init="" if init is None else resolved(unquoted(init.attributes.get("URI", "")), address),
        segments=tuple(resolved(each.uri, address) for each in segments),
        ends=tuple(accumulate(each.duration or Fraction(0) for each in segments)),
        codecs=unquoted(tag.attributes.get("CODECS", "")),
        bandwidth=int(bandwidth) if INTEGER.fullmatch(bandwidth) else 0,
        scheme=next((SCHEMES[method] for method in methods if method in SCHEMES), ""),
        kids=frozenset(kid for key in keys for kid in _kids_of_key(key)) | _kids(psshs),
        psshs=psshs,
    )


def _kids_of_key(key: Tag) -> Iterator[UUID]:
    """The KID in KEYID, which Widevine's lines have, and in FairPlay's address where that is one."""
    told = [key.attributes.get("KEYID", "")[2:]]
    uri = unquoted(key.attributes.get("URI", ""))
    if uri.startswith("skd://"):
        told.append(uri.removeprefix("skd://"))
    for text in told:
        if (kid := _uuid(text)) is not None:
            yield kid


def _psshs_of_key(key: Tag) -> Iterator[tuple[UUID, bytes]]:
    """What the data address of a DRM system's line holds: a pssh box, or PlayReady's object without one."""
    keyformat = unquoted(key.attributes.get("KEYFORMAT", ""))
    uri = unquoted(key.attributes.get("URI", ""))
    system = next((each for each in SYSTEMS if each.keyformat == keyformat), None)
    if system is None or not uri.startswith("data:") or ";base64," not in uri:
        return
    data = _decoded(uri.partition(";base64,")[2])
    boxes = _boxes(data)
    yield from boxes or ([(PLAYREADY.system_id, data)] if system is PLAYREADY and data else [])


def mpd_streams(evidence: Evidence) -> Iterator[Stream]:
    """The Representations of the MPD."""
    for path, mpd in mpds(evidence):
        for each in mpd.representations:
            yield _representation(path, each)


def _representation(manifest: str, each: MpdRepresentation) -> Stream:
    psshs = frozenset(pssh for protection in each.protections for pssh in _psshs_of_protection(protection))
    told = (_uuid(kid) for protection in each.protections for kid in protection.kids)
    return Stream(
        manifest=manifest,
        place=f"{manifest} line {each.line}",
        init=resolved(each.init, manifest),
        segments=tuple(resolved(segment.url, manifest) for segment in each.segments),
        ends=tuple(
            Fraction(segment.start + segment.duration - each.time_offset, each.timescale)
            for segment in each.segments
        ),
        codecs=each.codecs,
        bandwidth=each.bandwidth,
        scheme=each.scheme,
        kids=frozenset(kid for kid in told if kid is not None) | _kids(psshs),
        psshs=psshs,
    )


def _psshs_of_protection(protection: MpdProtection) -> Iterator[tuple[UUID, bytes]]:
    yield from _boxes(_decoded(protection.pssh))
    if data := _decoded(protection.pro):
        yield PLAYREADY.system_id, data


def _kids(psshs: frozenset[tuple[UUID, bytes]]) -> frozenset[UUID]:
    """The KIDs in the contents of pssh boxes."""
    found: set[UUID] = set()
    for system_id, data in psshs:
        with suppress(FormatError):  # what cannot be read is CENC-6's
            found.update(told_kids(PsshBox(0, system_id.bytes, (), data)))
    return frozenset(found)


def _boxes(data: bytes) -> list[tuple[UUID, bytes]]:
    """The pssh boxes of systems with contents; the common one has none."""
    with suppress(FormatError):
        return [(UUID(bytes=box.system_id), box.data) for box in find_all(parse(data), PsshBox) if box.data]
    return []


def _decoded(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
