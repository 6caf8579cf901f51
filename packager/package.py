"""Encoded renditions become a presentation: cut, protected, described, in the order in which it is published.

    packed = package(encoded, song=song, version=version, encryption=Encryption("cbcs", keys), loudness=loudness,
                     public={"public/cover.jpg": cover}, master=master)
    for path, body in packed.objects():
        ...

The same arguments give the same bytes. All renditions are cut at the same samples of the song, so they must agree on sample rate
and length, and on places where units of all begin (`packager.plan`). A rendition with more units than the song needs loses the
rest, one with fewer is refused.

The first segment is as long as what leaves in the first flight of a new TCP connection: ten packets, of which a TLS handshake may
take two, with the words of a start bundle (`media.start_bundle`). The presentation is held in memory: five minutes of the default ladder are 24 MB.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from manifests import KINDS, dash, hls
from media import layout
from media.access_units import Encoded
from media.errors import FormatError
from media.presentation import Loudness, Presentation, Rendition
from media.signalling import Signalling
from media.song import Song
from media.start_bundle import LARGEST, WORDS
from packager.encryption import Encryption
from packager.plan import Grid, common_grid, plan_segments
from packager.rendition import Cutter
from packager.sample_entry import FLAC

FIRST_FLIGHT = LARGEST - WORDS  # bytes
START_BITRATE = 130_000  # bit/s; a start begins with the richest rendition up to that: 10 kB are 0.6 s of it
_LEAST = 4  # a first segment is never shorter than a fourth of what was asked for: lossless ones would be
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.ASCII)
_PUBLIC = re.compile(r"public/[a-z0-9][a-z0-9_-]*\.[a-z0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Package:
    """A presentation and its objects: path relative to the version's folder → bytes."""

    presentation: Presentation
    bodies: Mapping[str, bytes] = field(repr=False)
    signalling: Sequence[Signalling] = ()

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """In publishing order: media and public files, then manifests, ``presentation.json`` last."""
        yield from self.bodies.items()
        for kind, path in self.presentation.manifests.items():
            if kind == "dash":
                yield path, dash.mpd(self.presentation, self.signalling).encode()
                continue
            for rendition in self.presentation.renditions:
                playlist = hls.media(self.presentation, rendition, kind, self.signalling)
                yield layout.media_playlist(rendition.name, kind), playlist.encode()
            yield path, hls.multivariant(self.presentation, kind, self.signalling).encode()
        yield layout.PRESENTATION, self.presentation.to_json()


def package(
    encoded: Sequence[Encoded],
    *,
    song: Song,
    version: str,
    encryption: Encryption,
    loudness: Loudness,
    public: Mapping[str, bytes],
    master: dict[str, Any],
    first_ms: int = 1000,
    target_ms: int = 4000,
    one_file: bool = False,
    steering_url: str = "",
) -> Package:
    """Cut, protect and describe `encoded`. `public` maps paths such as ``public/cover.jpg`` to bytes.

    `first_ms` and `target_ms` are the most that the first segment, and any, may last; `one_file` makes a rendition one file.
    Raises `FormatError` when the renditions do not fit together and `ValueError` for arguments that make no sense.
    """
    _check(encoded, version, public)
    cutters = [
        Cutter.prepare(source, seal, loudness)
        for source, seal in zip(encoded, encryption.seals(encoded), strict=True)
    ]
    start = start_rendition(encoded)
    rate, samples = encoded[0].sample_rate, encoded[0].samples
    grid = common_grid((source.priming, source.units.samples_per_unit) for source in encoded)
    lead = next(cutter for cutter in cutters if cutter.source.name == start)
    plan = plan_segments(
        samples,
        grid=grid,
        first=_first_length(lead, grid, min(samples, max(1, first_ms * rate // 1000))),
        target=max(1, target_ms * rate // 1000),
        # HLS counts the priming to the first segment and takes it from the last (`manifests.hls`).
        least=max(source.priming for source in encoded) + 1,
    )
    protection = encryption.protection(start)
    bodies: dict[str, bytes] = {}
    renditions: list[Rendition] = []
    for cutter in cutters:
        rendition, files = cutter.cut(plan, one_file=one_file)
        own = cutter.seal.kid if cutter.seal.kid != protection.kid else None
        renditions.append(replace(rendition, kid=str(own)) if own else rendition)
        bodies |= files
    bodies |= public
    presentation = Presentation(
        song=song,
        version=version,
        samples=samples,
        sample_rate=rate,
        renditions=tuple(renditions),
        protection=protection,
        loudness=loudness,
        manifests={kind: layout.MANIFESTS[kind] for kind in KINDS[protection.scheme]},
        cover=next((path for path in public if path.startswith("public/cover.")), ""),
        peaks=next((path for path in public if path.startswith("public/peaks.")), ""),
        preview=next((path for path in public if path.startswith("public/preview.")), ""),
        start_rendition=start,
        steering_url=steering_url,
        master=master,
    )
    return Package(presentation, bodies, encryption.signalling)


def start_rendition(encoded: Sequence[Encoded]) -> str:
    """With which a start begins: the richest of at most `START_BITRATE`, else the leanest; lossless only where nothing else is.

    Players stay with the codec of the start, and quiet music in FLAC may be lean for a while.
    """
    lossy = [source for source in encoded if source.codec != FLAC] or encoded
    lean = [source for source in lossy if source.bitrate <= START_BITRATE]
    chosen = max(lean, key=lambda each: each.bitrate) if lean else min(lossy, key=lambda each: each.bitrate)
    return chosen.name


def _first_length(lead: Cutter, grid: Grid, longest: int) -> int:
    """How much of the song the first flight holds, between a fourth of `longest` and all of it, in samples."""
    edges = range(grid.first, longest + 1, grid.step)
    fitting = bisect_right(edges, FIRST_FLIGHT, key=lead.first_flight)
    return max(edges[fitting - 1] if fitting else 1, longest // _LEAST, 1)


def _check(encoded: Sequence[Encoded], version: str, public: Mapping[str, bytes]) -> None:
    if not encoded:
        raise ValueError("nothing to package")
    if not layout.VERSION.fullmatch(version):
        raise ValueError(f"version {version!r}: 16 hex digits expected")
    for path in public:
        if not _PUBLIC.fullmatch(path):
            raise ValueError(f"public file {path!r}: no such path")
    first = encoded[0]
    for source in encoded:
        if not _NAME.fullmatch(source.name):
            raise ValueError(f"rendition {source.name!r}: a-z 0-9 _ -, not starting with _ or -")
        for what in ("sample_rate", "samples"):
            mine, theirs = getattr(source, what), getattr(first, what)
            if mine != theirs:
                raise FormatError(f"rendition {source.name}: {what} {mine}, {first.name} has {theirs}")
    if len({source.name for source in encoded}) < len(encoded):
        raise ValueError("two renditions of one name")
