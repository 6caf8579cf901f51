"""Presentations of other packagers: no presentation.json, so what it would tell is derived from manifests and boxes.

    evidence = await collect_others(source, ["master.m3u8", "manifest.mpd"])

The result is evidence like that of our own, and the same rules look at it: those that hold for anybody's (`Rule.anywhere`).
A rendition is what has an init section of its own; a manifest that names it by another name names the same one. Only sound
is looked at, and only what lies below the manifests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise

from manifests import hls_reader, mpd_reader
from manifests.attributes import unquoted
from manifests.byte_range import ByteRange, of_length
from manifests.hls_reader import Playlist
from manifests.mpd_reader import MpdRepresentation, attribute
from manifests.segment_template import INTEGER
from media.boxes import SidxBox, find_all, parse
from media.errors import FormatError, ManifestError, ObjectMissing, StoreError
from packager.verify.derived import Described, Part, derived
from packager.verify.documents import resolved
from packager.verify.evidence import Evidence
from packager.verify.source import AT_ONCE, Fetched, Source

SOUND = (
    "mp4a",
    "opus",
    "flac",
    "ac-3",
    "ec-3",
    "alac",
    "mhm1",
    "dtsc",
    "dtsx",
)  # how RFC 6381 names of sound begin


async def collect_others(source: Source, names: Iterable[str]) -> Evidence:
    """Fetch what the manifests `names` point to, and derive a presentation. Raises `ManifestError` for a manifest that is none,
    `ObjectMissing` for one that is not there."""
    files: dict[str, Fetched] = {}
    missing: dict[str, str] = {}
    for name in names:
        fetched = await source.below(name)
        if fetched is None:
            raise ObjectMissing(f"{source.root}/{name}: it is not there")
        files[name] = fetched
    # HLS first: there the order says which rendition to begin with.
    manifests = {"dash" if is_mpd(name, each.body) else "hls": name for name, each in files.items()}
    told: list[Described] = []
    for kind, name in sorted(manifests.items(), reverse=True):
        if kind == "dash":
            told += _of_mpd(name, files[name].body)
            continue
        variants = _variants(name, hls_reader.read(files[name].body))
        await _fetch(source, [path for path, _, _ in variants], files, missing)
        told += _of_playlists(variants, files)
    renditions = _joined(told)
    await _fetch(source, [each.init for each in renditions], files, missing)
    renditions = [_indexed(each, files) for each in renditions]
    await _fetch(source, [part.path for each in renditions for part in each.parts], files, missing)
    return derived(renditions, files, missing, manifests)


def is_mpd(name: str, body: bytes) -> bool:
    """By what it begins with; a name is only asked when that tells nothing."""
    return body.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<") or name.partition("?")[0].endswith(".mpd")


async def _fetch(
    source: Source, paths: Iterable[str], files: dict[str, Fetched], missing: dict[str, str]
) -> None:
    """Each of `paths` once, a few at a time; and, by path, why some could not be fetched."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def fetch(path: str) -> None:
        async with gate:
            try:
                found = await source.below(path)
            except (StoreError, ManifestError) as error:
                missing[path] = str(error)
                return
        if found is None:
            missing[path] = "it is not there"
        else:
            files[path] = found

    wanted = [path for path in dict.fromkeys(paths) if path and path not in files]
    await asyncio.gather(*map(fetch, wanted))


def _variants(name: str, playlist: Playlist) -> list[tuple[str, str, int]]:
    """Path, codec and bandwidth of each media playlist of sound: of the variants, or `name` itself where it has segments."""
    found: dict[str, tuple[str, int]] = {}
    for uri in playlist.uris:
        tag = uri.tag("EXT-X-STREAM-INF")
        if tag is None:
            continue
        codecs = unquoted(tag.attributes.get("CODECS", ""))
        bandwidth = tag.attributes.get("BANDWIDTH", "")
        if all(_is_sound(codec) for codec in codecs.split(",")):
            number = int(bandwidth) if INTEGER.fullmatch(bandwidth) else 0
            found.setdefault(resolved(uri.text, name), (codecs, number))
    for tag in playlist.all("EXT-X-MEDIA"):
        if tag.attributes.get("TYPE") == "AUDIO" and "URI" in tag.attributes:
            found.setdefault(resolved(unquoted(tag.attributes["URI"]), name), ("", 0))
    if not found and not playlist.all("EXT-X-STREAM-INF"):
        found[name] = ("", 0)
    return [(path, codec, bandwidth) for path, (codec, bandwidth) in found.items()]


def _is_sound(codec: str) -> bool:
    return codec.strip().lower().startswith(SOUND)


def _of_playlists(variants: list[tuple[str, str, int]], files: Mapping[str, Fetched]) -> Iterator[Described]:
    for path, codec, bandwidth in variants:
        if path not in files:
            continue
        try:
            playlist = hls_reader.read(files[path].body)
        except ManifestError:
            continue  # HLS-1
        init = next((each.init for each in playlist.segments if each.init is not None), None)
        keys = [key for each in playlist.segments for key in each.keys]
        yield Described(
            playlist=path,
            codec=codec,
            bandwidth=bandwidth,
            init="" if init is None else resolved(unquoted(init.attributes.get("URI", "")), path),
            init_range=None if init is None else of_length(unquoted(init.attributes.get("BYTERANGE", "")), 0),
            index_range=None,
            parts=tuple(
                Part(resolved(each.uri, path), each.byte_range, each.duration or Fraction(0))
                for each in playlist.segments
            ),
            key=next((key for key in keys if key.attributes.get("METHOD") == "AES-128"), None),
        )


def _of_mpd(name: str, body: bytes) -> Iterator[Described]:
    mpd = mpd_reader.read(body)
    kinds = {
        mpd_reader.line_of(element): attribute(element, "mimeType") or attribute(element, "contentType")
        for element in mpd.root.iterfind(f"{mpd_reader.ADAPTATION_SETS}/m:Representation", mpd_reader.NAMES)
    }
    for each in mpd.representations:
        if kinds.get(each.line, "audio").startswith("audio"):
            yield _of_representation(name, each)


def _of_representation(manifest: str, each: MpdRepresentation) -> Described:
    return Described(
        playlist="",
        codec=each.codecs,
        bandwidth=each.bandwidth,
        init=resolved(each.init, manifest),
        init_range=each.init_range,
        index_range=each.index_range,
        parts=tuple(
            Part(resolved(segment.url, manifest), None, Fraction(segment.duration, each.timescale))
            for segment in each.segments
        ),
        key=None,
    )


def _joined(told: list[Described]) -> list[Described]:
    """One of each init section: what the first manifest tells, and what only a later one knows."""
    found: dict[str, Described] = {}
    for each in told:
        known = found.setdefault(each.init, each)
        found[each.init] = replace(
            known,
            codec=known.codec or each.codec,
            bandwidth=known.bandwidth or each.bandwidth,
            playlist=known.playlist or each.playlist,
            index_range=known.index_range or each.index_range,
        )
    return [each for each in found.values() if each.init]


def _indexed(each: Described, files: Mapping[str, Fetched]) -> Described:
    """With the parts that the index of its file lists, where no manifest lists them (ISO/IEC 14496-12 §8.16.3)."""
    index = each.index_range
    if each.parts or index is None or each.init not in files:
        return each
    try:
        sidx = next(find_all(parse(files[each.init].body[index.first : index.last + 1]), SidxBox), None)
    except FormatError:
        sidx = None
    if sidx is None or not sidx.timescale:
        return each
    sizes = [int(size) & 0x7FFFFFFF for size, _, _ in sidx.references]
    edges = accumulate(sizes, initial=index.last + 1 + sidx.first_offset)
    parts = tuple(
        Part(each.init, ByteRange(start, stop - 1), Fraction(int(duration), sidx.timescale))
        for (start, stop), (_, duration, _) in zip(pairwise(edges), sidx.references, strict=True)
    )
    head = each.init_range or ByteRange(0, index.first - 1)
    return replace(each, parts=parts, init_range=head)
