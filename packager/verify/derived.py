"""What presentation.json would tell, derived from manifests and header boxes. Times are samples of the first track that can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from uuid import UUID

from manifests.byte_range import ByteRange
from manifests.hls_reader import Tag
from manifests.rules.hls_segments import identity_key
from media.boxes import MdhdBox, MdiaBox, MoovBox, TrakBox, find_all, parse
from media.errors import FormatError
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.song import Song
from packager.bandwidth import bandwidths
from packager.fragments import Init, read_init
from packager.verify.evidence import Evidence
from packager.verify.source import Fetched

_NOBODYS = Song("not-ours", "A presentation of another packager")


@dataclass(frozen=True, slots=True)
class Part:
    """A media segment as a manifest has it: all of a file or a range of it; `duration` in seconds."""

    path: str
    byte_range: ByteRange | None
    duration: Fraction


@dataclass(frozen=True, slots=True)
class Described:
    """One rendition as one manifest has it. With `index_range`, the parts are yet to be read from that place of `init`."""

    playlist: str  # path of the media playlist, empty in DASH
    codec: str
    bandwidth: int
    init: str
    init_range: ByteRange | None
    index_range: ByteRange | None
    parts: tuple[Part, ...]
    key: Tag | None  # of METHOD=AES-128


def derived(
    told: list[Described], files: dict[str, Fetched], missing: dict[str, str], manifests: dict[str, str]
) -> Evidence:
    """Evidence of the streams that were `told`, each with an init section of its own; `manifests` are paths by kind."""
    headers = [_header(each, files) for each in told]
    rate = next((header.rate for header in headers if header.rate), 1000)
    renditions = [
        _rendition(number, each, header, files, rate)
        for number, (each, header) in enumerate(zip(told, headers, strict=True))
    ]
    keys = {
        UUID(each.kid): key
        for each, about in zip(renditions, told, strict=True)
        if (key := _own_key(about)) and each.kid
    }
    common = [header.init for header in headers if header.init is not None and header.init.scheme != "none"]
    scheme = "aes-128" if any(each.key for each in told) else common[0].scheme if common else "none"
    kid = next((UUID(each.kid) for each in renditions if each.kid), None)
    presentation = Presentation(
        song=_NOBODYS,
        version="",
        samples=max(
            (each.segments[-1].start + each.segments[-1].duration for each in renditions if each.segments),
            default=0,
        ),
        sample_rate=rate,
        renditions=tuple(renditions),
        protection=Protection() if kid is None else Protection(scheme, kid),
        loudness=Loudness(None, None, None),
        manifests=manifests,
        start_rendition=renditions[0].name if renditions else "",
    )
    playlists = {(each.name, "hls"): about.playlist for each, about in zip(renditions, told, strict=True)}
    return Evidence(presentation, files, missing, keys, playlists=playlists)


@dataclass(frozen=True, slots=True)
class _Header:
    """What an init section says; `init` is ``None`` where it cannot be read, `rate` 0 where not even the timescale can."""

    init: Init | None
    size: int
    rate: int


def _header(each: Described, files: Mapping[str, Fetched]) -> _Header:
    fetched = files.get(each.init)
    if fetched is None:
        return _Header(None, 0, 0)
    body = fetched.body if each.init_range is None else fetched.body[: each.init_range.last + 1]
    try:
        moov = next(find_all(parse(body), MoovBox), None)
        rate = 0 if moov is None else moov.get(TrakBox).get(MdiaBox).get(MdhdBox).timescale
    except FormatError:
        return _Header(None, len(body), 0)
    try:
        return _Header(read_init(body), len(body), rate)
    except FormatError:
        return _Header(None, len(body), rate)


def _rendition(
    number: int, each: Described, header: _Header, files: Mapping[str, Fetched], rate: int
) -> Rendition:
    ends = [
        round(end * rate) for end in accumulate((part.duration for part in each.parts), initial=Fraction(0))
    ]
    segments = []
    for part, (start, stop) in zip(each.parts, pairwise(ends), strict=True):
        whole = len(files[part.path].body) if part.path in files else 0
        first, size = (part.byte_range.first, part.byte_range.size) if part.byte_range else (0, whole)
        segments.append(Segment(part.path, start, stop - start, size, first))
    lasting = [segment for segment in segments if segment.duration > 0]
    peak, average = bandwidths(lasting, rate) if lasting else (0, 0)
    init = header.init
    kid = UUID(int=number + 1) if each.key is not None else None if init is None else init.kid
    iv = "" if each.key is None else each.key.attributes.get("IV", "")[2:].zfill(32)
    return Rendition(
        name=f"{number + 1:03d}",
        codec=each.codec or ("" if init is None else init.codec),
        bitrate=average,
        sample_rate=rate if init is None else init.sample_rate,
        channels=0 if init is None else init.channels,
        priming=0 if init is None else init.media_time,
        bandwidth=each.bandwidth or peak,
        average_bandwidth=average,
        init=each.init,
        init_size=header.size,
        segments=tuple(segments),
        iv=iv or ("" if init is None else init.constant_iv.hex()),
        kid="" if kid is None else str(kid),
    )


def _own_key(each: Described) -> bytes | None:
    """The key of AES-128 where the playlist itself holds it, with the IV that goes with it."""
    if each.key is None or "IV" not in each.key.attributes:
        return None
    key = identity_key(each.key)
    return key if key is not None and len(key) == 16 else None
