"""Encoded renditions become a presentation: cut, protected, described, in the order in which it is published.

    packed = package(encoded, song=song, version=version, protection=protection, key=key, loudness=loudness,
                     public={"public/cover.jpg": cover}, master=master)
    for path, body in packed.objects():
        ...

The same arguments give the same bytes. All renditions are cut at the same units, so they must agree on sample rate,
priming, length and unit; a rendition with more units than the song needs loses the rest, one with fewer is refused.

One call encrypts a whole rendition; segments are slices of the result. The presentation is held in memory: five
minutes of the default ladder are 24 MB.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from drm import aes128, cbcs, cenc, ivs
from drm.pssh import common_pssh
from manifests import KINDS, dash, hls
from media import layout
from media.access_units import AccessUnits, Encoded
from media.errors import FormatError
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.song import Song
from packager.bandwidth import bandwidths
from packager.fragments import write_segment
from packager.plan import PlannedSegment, plan_segments, units_needed
from packager.sample_entry import roll_distance
from packager.track import Init, bitrates, write_init

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_PUBLIC = re.compile(r"public/[a-z0-9][a-z0-9_-]*\.[a-z0-9]+", re.ASCII)
_START = "normal"


@dataclass(frozen=True, slots=True)
class Package:
    """A presentation and its objects: path relative to the version's folder → bytes."""

    presentation: Presentation
    bodies: Mapping[str, bytes] = field(repr=False)

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """In publishing order: media and public files, then manifests, ``presentation.json`` last."""
        yield from self.bodies.items()
        for kind, path in self.presentation.manifests.items():
            if kind == "dash":
                yield path, dash.mpd(self.presentation).encode()
                continue
            for rendition in self.presentation.renditions:
                playlist = hls.media(self.presentation, rendition, kind)
                yield layout.media_playlist(rendition.name, kind), playlist.encode()
            yield path, hls.multivariant(self.presentation, kind).encode()
        yield layout.PRESENTATION, self.presentation.to_json()


def package(
    encoded: Sequence[Encoded],
    *,
    song: Song,
    version: str,
    protection: Protection,
    key: bytes | None,
    loudness: Loudness,
    public: Mapping[str, bytes],
    master: dict[str, Any],
    first_ms: int = 1000,
    target_ms: int = 4000,
) -> Package:
    """Cut, protect and describe `encoded`. `public` maps paths such as ``public/cover.jpg`` to bytes.

    Raises `FormatError` when the renditions do not fit together and `ValueError` for arguments that make no sense.
    """
    _check(encoded, version, protection, key, public)
    first = encoded[0]
    plan = plan_segments(
        first.samples,
        sample_rate=first.sample_rate,
        priming=first.priming,
        samples_per_unit=first.units.samples_per_unit,
        first_ms=first_ms,
        target_ms=target_ms,
    )
    bodies: dict[str, bytes] = {}
    renditions = []
    for index, source in enumerate(encoded):
        rendition, files = _rendition(source, index, plan, protection, key)
        renditions.append(rendition)
        bodies |= files
    bodies |= public
    names = [rendition.name for rendition in renditions]
    presentation = Presentation(
        song=song,
        version=version,
        samples=first.samples,
        sample_rate=first.sample_rate,
        renditions=tuple(renditions),
        protection=protection,
        loudness=loudness,
        manifests={kind: layout.MANIFESTS[kind] for kind in KINDS[protection.scheme]},
        cover=next((path for path in public if path.startswith("public/cover.")), ""),
        peaks=next((path for path in public if path.startswith("public/peaks.")), ""),
        preview=next((path for path in public if path.startswith("public/preview.")), ""),
        start_rendition=_START if _START in names else names[0],
        master=master,
    )
    return Package(presentation, bodies)


def _check(
    encoded: Sequence[Encoded],
    version: str,
    protection: Protection,
    key: bytes | None,
    public: Mapping[str, bytes],
) -> None:
    if not encoded:
        raise ValueError("nothing to package")
    if not layout.VERSION.fullmatch(version):
        raise ValueError(f"version {version!r}: 16 hex digits expected")
    if (key is None) != (protection.scheme == "none"):
        raise ValueError("a key goes with a protection, and no key with none")
    for path in public:
        if not _PUBLIC.fullmatch(path):
            raise ValueError(f"public file {path!r}: no such path")
    first = encoded[0]
    for source in encoded:
        if not _NAME.fullmatch(source.name):
            raise ValueError(f"rendition {source.name!r}: a-z 0-9 _ -, not starting with _ or -")
        for what in ("sample_rate", "priming", "samples"):
            mine, theirs = getattr(source, what), getattr(first, what)
            if mine != theirs:
                raise FormatError(f"rendition {source.name}: {what} {mine}, {first.name} has {theirs}")
        if source.units.samples_per_unit != first.units.samples_per_unit:
            raise FormatError(f"rendition {source.name}: its access units are not as long as {first.name}'s")
    if len({source.name for source in encoded}) < len(encoded):
        raise ValueError("two renditions of one name")


def _rendition(
    source: Encoded, index: int, plan: Sequence[PlannedSegment], protection: Protection, key: bytes | None
) -> tuple[Rendition, dict[str, bytes]]:
    """One rendition and its files: the header and every segment."""
    units = _exactly(source, plan[-1].stop_unit)
    scheme, kid = protection.scheme, protection.kid
    iv = ivs.constant_iv(kid, source.name) if kid is not None and scheme in ("cbcs", "aes-128") else b""
    data, sample_ivs = memoryview(units.data), b""
    if key is not None and scheme == "cbcs":
        data = memoryview(cbcs.encrypt(data, units.sizes, key=key, iv=iv))
    elif key is not None and scheme == "cenc":
        cipher, sample_ivs = cenc.encrypt(data, units.sizes, key=key, first_iv=ivs.first_iv(index))
        data = memoryview(cipher)

    common = scheme in ("cbcs", "cenc")  # AES-128 is not the file format's business: HLS alone knows of it
    largest, mean = bitrates(units, source.sample_rate)
    init = Init(
        codec=source.codec,
        config=source.config,
        sample_rate=source.sample_rate,
        channels=source.channels,
        timescale=source.sample_rate,
        media_time=source.priming,
        samples=source.samples,
        samples_per_unit=units.samples_per_unit,
        scheme=scheme if common else "none",
        kid=kid if common else None,
        constant_iv=iv if common else b"",
        max_bitrate=largest,
        avg_bitrate=mean,
    )
    pssh = (common_pssh([kid]),) if common and kid is not None else ()
    init_path = layout.init(source.name)
    files = {init_path: write_init(init, pssh)}

    segments = []
    for number, piece in enumerate(plan, start=1):
        start, stop = piece.start_unit, piece.stop_unit
        body = write_segment(
            number,
            data[int(units.offsets[start]) : int(units.offsets[stop])],
            units.sizes[start:stop],
            base_media_decode_time=start * units.samples_per_unit,
            samples_per_unit=units.samples_per_unit,
            ivs=sample_ivs[start * cenc.IV_SIZE : stop * cenc.IV_SIZE],
            rolls=roll_distance(source.codec, units.samples_per_unit) != 0,
        )
        if key is not None and scheme == "aes-128":
            body = aes128.encrypt(body, key=key, iv=iv)
        path = layout.segment(source.name, number)
        files[path] = body
        segments.append(Segment(path, piece.start, piece.duration, len(body)))

    peak, average = bandwidths(segments, source.sample_rate)
    rendition = Rendition(
        name=source.name,
        codec=source.codec,
        bitrate=source.bitrate,
        sample_rate=source.sample_rate,
        channels=source.channels,
        priming=source.priming,
        bandwidth=peak,
        average_bandwidth=average,
        init=init_path,
        init_size=len(files[init_path]),
        segments=tuple(segments),
        iv=iv.hex(),
        digest=_digest(files.values()),
    )
    return rendition, files


def _digest(bodies: Iterable[bytes]) -> str:
    digest = sha256()
    for body in bodies:
        digest.update(body)
    return digest.hexdigest()


def _exactly(source: Encoded, count: int) -> AccessUnits:
    """The units that the song needs, no more; an encoder may have flushed one too many."""
    units = source.units
    if len(units) < count:
        needed = units_needed(source.samples, priming=source.priming, samples_per_unit=units.samples_per_unit)
        raise FormatError(f"rendition {source.name}: {len(units)} access units, {needed} needed")
    if len(units) == count:
        return units
    return AccessUnits(bytes(units.payload(0, count)), units.sizes[:count], units.samples_per_unit)
