"""Manifests as reports: variants, codecs, keys, and segments with the exact sum of their lengths.

Nothing is judged: that is ``tonearm verify``. Keys that stand in a manifest (``data:`` addresses) are not repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from manifests import hls_reader, mpd_reader
from manifests.attributes import unquoted
from media.presentation import Presentation
from packager.inspect.report import Part, Report
from packager.inspect.values import Field, duration, field, seconds

_TOLD = (
    "BANDWIDTH",
    "AVERAGE-BANDWIDTH",
    "CODECS",
    "CHANNELS",
    "RESOLUTION",
    "AUDIO",
    "STABLE-VARIANT-ID",
    "SCORE",
)
_KEYS = ("METHOD", "KEYFORMAT", "URI", "KEYID", "IV")


def inspect_playlist(name: str, data: bytes) -> Report:
    """HLS. Raises `ManifestError` for what is no text or too much of it."""
    playlist = hls_reader.read(data)
    version = [field("version", tag.value) for tag in playlist.all("EXT-X-VERSION")[:1]]
    session = [_key(tag) for tag in playlist.all("EXT-X-SESSION-KEY")]
    if playlist.all("EXT-X-STREAM-INF"):
        variants = [_variant(uri) for uri in playlist.uris]
        media = [
            Part(
                "EXT-X-MEDIA",
                [_attribute(tag, name) for name in ("TYPE", "GROUP-ID", "NAME", "LANGUAGE", "CHANNELS", "URI") if name in tag.attributes],
            )
            for tag in playlist.all("EXT-X-MEDIA")
        ]  # fmt: skip
        fields = [*version, field("variants", len(variants))]
        return Report(name, len(data), "HLS multivariant playlist", fields, [*session, *media, *variants])
    return _media_playlist(name, data, playlist, version)


def _media_playlist(name: str, data: bytes, playlist: hls_reader.Playlist, version: list[Field]) -> Report:
    segments = playlist.segments
    lengths = [segment.duration for segment in segments if segment.duration is not None]
    kind = next((tag.value for tag in playlist.all("EXT-X-PLAYLIST-TYPE")), "no type")
    ended = "ended" if playlist.all("EXT-X-ENDLIST") else "going on"
    fields = [
        *version,
        field("playlist_type", kind, f"{kind}, {ended}"),
        *[field("target_duration", tag.value, f"{tag.value} s") for tag in playlist.all("EXT-X-TARGETDURATION")[:1]],
        *_lengths(lengths, len(segments)),
    ]  # fmt: skip
    broken = len(playlist.all("EXT-X-DISCONTINUITY"))
    if broken:
        fields.append(field("discontinuities", broken))
    keys = [_key(tag) for tag in playlist.all("EXT-X-KEY")]
    maps = [
        Part("EXT-X-MAP", [_attribute(tag, key) for key in tag.attributes])
        for tag in playlist.all("EXT-X-MAP")
    ]
    listed = [
        Part(segment.uri, [] if segment.duration is None else [_seconds("duration", segment.duration)])
        for segment in segments
    ]
    return Report(name, len(data), "HLS media playlist", fields, [*keys, *maps, *_some(listed)])


def inspect_mpd(name: str, data: bytes) -> Report:
    """DASH. Raises `ManifestError` for what is no XML or too much of it."""
    mpd = mpd_reader.read(data)
    kind = mpd.root.get("type", "static")
    profiles = [each for each in mpd.root.get("profiles", "").split(",") if each]
    fields = [field("type", kind), field("profiles", profiles, ", ".join(profiles) or "none")]
    if mpd.duration is not None:
        fields.append(_seconds("duration", mpd.duration))
    parts = []
    for each in mpd.representations:
        lengths = [Fraction(segment.duration, each.timescale) for segment in each.segments if each.timescale]
        told = [
            field("codecs", each.codecs),
            field("bandwidth", each.bandwidth, f"{each.bandwidth:,} bit/s"),
            field("channels", each.channels),
            field("sample_rate", each.sample_rate, f"{each.sample_rate:,} Hz"),
            field("timescale", each.timescale),
            *_lengths(lengths, len(each.segments)),
        ]
        if each.scheme:
            told += [field("scheme", each.scheme), field("KID", each.kid)]
        if each.license_url:
            told.append(field("licence", each.license_url))
        listed = [
            Part(segment.url, [duration("start", segment.start, each.timescale), duration("duration", segment.duration, each.timescale)])
            for segment in each.segments
        ]  # fmt: skip
        parts.append(Part(f"Representation {each.id}", told, [Part(each.init), *_some(listed)]))
    parts += [Part(f"line {line}", [field("not_read", problem, problem)]) for line, problem in mpd.problems]
    return Report(name, len(data), "DASH MPD", fields, parts)


def inspect_presentation(name: str, data: bytes) -> Report:
    """``presentation.json``. Raises `ManifestError`."""
    there = Presentation.from_json(data)
    rate, guard = there.sample_rate, there.protection
    fields = [
        field("song", there.song.title, f"“{there.song.title}” ({there.song.song_id})"),
        field("version", there.version),
        duration("samples", there.samples, rate, unit="samples"),
        field("sample_rate", rate, f"{rate:,} Hz"),
        field("protection", guard.scheme),
        *([field("KID", str(guard.kid))] if guard.kid is not None else []),
        *([field("loudness", there.loudness.integrated_lufs, f"{there.loudness.integrated_lufs} LUFS")] if there.loudness.integrated_lufs is not None else []),
        field("manifests", there.manifests, ", ".join(there.manifests.values())),
        field("start_rendition", there.start_rendition),
    ]  # fmt: skip
    parts = []
    for each in there.renditions:
        size = sum(segment.size for segment in each.segments)
        total = sum(segment.duration for segment in each.segments)
        told = [
            field("codec", each.codec),
            field("channels", each.channels),
            field("bandwidth", each.bandwidth, f"{each.bandwidth:,} bit/s"),
            field("average_bandwidth", each.average_bandwidth, f"{each.average_bandwidth:,} bit/s"),
            field("priming", each.priming, f"{each.priming:,} samples"),
            field("segments", len(each.segments)),
            duration("sum", total, rate, unit="samples"),
            field("bytes", size),
        ]
        listed = [
            Part(segment.path, [duration("start", segment.start, rate, unit="samples"), duration("duration", segment.duration, rate, unit="samples"), field("size", segment.size, f"{segment.size:,} bytes")])
            for segment in each.segments
        ]  # fmt: skip
        parts.append(Part(each.name, told, [Part(each.init, size=each.init_size), *_some(listed)]))
    return Report(name, len(data), "presentation", fields, parts)


def _variant(uri: hls_reader.Uri) -> Part:
    tag = uri.tag("EXT-X-STREAM-INF")
    told = [] if tag is None else [_attribute(tag, name) for name in _TOLD if name in tag.attributes]
    return Part(uri.text, told)


def _key(tag: hls_reader.Tag) -> Part:
    return Part(tag.name, [_attribute(tag, name) for name in _KEYS if name in tag.attributes])


def _attribute(tag: hls_reader.Tag, name: str) -> Field:
    value = unquoted(tag.attributes[name])
    if name == "URI" and value.startswith("data:"):
        value = value.partition(",")[0] + ",…"  # it may hold the key itself
    if name.endswith("BANDWIDTH") and value.isdecimal():
        return field(name, int(value), f"{int(value):,} bit/s")
    return field(name, value)


def _lengths(lengths: Sequence[Fraction], count: int) -> list[Field]:
    """How many segments, from how short to how long, and their exact sum."""
    fields = [field("segments", count)]
    if lengths:
        shortest, longest = _text(min(lengths)), _text(max(lengths))
        fields += [
            field("lengths", [float(length) for length in lengths], f"{shortest} to {longest}"),
            _seconds("sum", sum(lengths, Fraction(0))),
        ]
    return fields


def _seconds(name: str, length: Fraction) -> Field:
    return field(name, float(length), _text(length))


def _text(length: Fraction) -> str:
    return seconds(length.numerator, length.denominator)


def _some(parts: list[Part]) -> list[Part]:
    """The first two and the last, and one that stands for those between."""
    middle = parts[2:-1]
    if len(middle) < 2:
        return parts
    return [*parts[:2], Part(f"… {len(middle):,} more segments", parts=middle, folded=True), parts[-1]]
