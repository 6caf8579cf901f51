"""HLS playlists (RFC 8216bis): one multivariant playlist and a media playlist for each rendition, per family.

Time. A segment's EXTINF has six decimals, and each boundary is rounded, not each duration: the partial sums are never
more than half a microsecond from the exact boundary, and their total is the song to the microsecond. The boundaries are those
of the media timeline, which ``tfdt`` tells and the encoder's priming belongs to: the first segment lasts longer by it than what
is heard of it, and the last one ends with the song. The edit list in the init section then takes the priming away. Players that
compare EXTINF with ``tfdt`` (hls.js, shaka-player) find them equal. Were the priming left out, shaka-player 5.2 would take
the difference for an error and correct it: 980 samples lost at the first boundary.

Order. The start variant comes first, the others follow by bandwidth. The standard gives the order no meaning; Apple's
players and ExoPlayer begin with the first (Apple TN2224).

Channels are told where the standard has a place for them (§4.4.6.1): each layout is an audio group of one EXT-X-MEDIA without
URI, which says that its media are the variant's own.

Addresses are relative, so that the stream URL's token is carried on by itself.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from itertools import pairwise

from manifests import KINDS, addresses, attributes
from manifests.attributes import quoted
from manifests.hls_keys import media_keys, session_keys
from media.errors import ManifestError
from media.layout import MANIFESTS, media_playlist
from media.presentation import Presentation, Rendition
from media.signalling import Signalling

# EXT-X-MAP in a playlist of ordinary segments asks for 6, everything else here for less (§8).
VERSION = 6
MICROSECONDS = 1_000_000
PATHWAY = "default"  # the one pathway that we know of; a steering server may clone it (§7.2)
_LAYOUTS = {1: "mono", 2: "stereo"}
_STABLE_ID = re.compile(r"[A-Za-z0-9+/=._-]+", re.ASCII)  # §4.4.6.2


def multivariant(presentation: Presentation, kind: str, signalling: Sequence[Signalling] = ()) -> str:
    """The multivariant playlist of the family `kind`. Raises `ManifestError` for values that no playlist can say.

    `signalling` is that of DRM systems besides ClearKey.
    """
    _check(presentation, kind)
    start = presentation.start_rendition
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *_steering(presentation),
        *session_keys(presentation, kind, signalling),
        *_layouts(presentation),
    ]
    for rendition in sorted(presentation.renditions, key=lambda each: (each.name != start, each.bandwidth)):
        if not _STABLE_ID.fullmatch(rendition.name):
            raise ManifestError(f"rendition {rendition.name!r}: its name cannot be a STABLE-VARIANT-ID")
        variant: dict[str, str | int] = {
            "BANDWIDTH": rendition.bandwidth,
            "AVERAGE-BANDWIDTH": rendition.average_bandwidth,
            "CODECS": quoted(rendition.codec),
            "AUDIO": quoted(_layout(rendition)),
            "STABLE-VARIANT-ID": quoted(rendition.name),
        }
        if presentation.steering_url:
            variant["PATHWAY-ID"] = quoted(PATHWAY)
        playlist = media_playlist(rendition.name, kind)
        lines += [f"#EXT-X-STREAM-INF:{attributes.write(variant)}", _relative(playlist, MANIFESTS[kind])]
    return "\n".join(lines) + "\n"


def _steering(presentation: Presentation) -> list[str]:
    """``EXT-X-CONTENT-STEERING`` (§4.4.6.6), where there is a steering server."""
    if not presentation.steering_url:
        return []
    server = {
        "SERVER-URI": quoted(addresses.absolute(presentation.steering_url)),
        "PATHWAY-ID": quoted(PATHWAY),
    }
    return [f"#EXT-X-CONTENT-STEERING:{attributes.write(server)}"]


def _layouts(presentation: Presentation) -> list[str]:
    """An audio group for each number of channels, alike in everything else (§4.4.6.1.1)."""
    groups = {_layout(each): each.channels for each in presentation.renditions}
    return [
        "#EXT-X-MEDIA:"
        + attributes.write(
            {
                "TYPE": "AUDIO",
                "GROUP-ID": quoted(group),
                "NAME": quoted("Audio"),
                "DEFAULT": "YES",
                "AUTOSELECT": "YES",
                "CHANNELS": quoted(str(channels)),
            }
        )
        for group, channels in groups.items()
    ]


def _layout(rendition: Rendition) -> str:
    return _LAYOUTS.get(rendition.channels, f"{rendition.channels} channels")


def media(
    presentation: Presentation, rendition: Rendition, kind: str, signalling: Sequence[Signalling] = ()
) -> str:
    """The media playlist of one rendition. Raises `ManifestError` for values that no playlist can say."""
    _check(presentation, kind)
    here = media_playlist(rendition.name, kind)
    durations = extinf_microseconds(rendition, presentation.sample_rate)
    if min(durations) < 1:
        raise ManifestError(f"rendition {rendition.name!r}: its last segment is shorter than its priming")
    init, one_file = {"URI": quoted(_relative(rendition.init, here))}, rendition.one_file
    if one_file:
        init["BYTERANGE"] = quoted(f"{rendition.init_size}@0")
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration(durations)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-MAP:{attributes.write(init)}",
        *media_keys(presentation, rendition, kind, signalling),
    ]
    for segment, duration in zip(rendition.segments, durations, strict=True):
        lines.append(f"#EXTINF:{duration // MICROSECONDS}.{duration % MICROSECONDS:06d},")
        if one_file:
            lines.append(f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}")
        lines.append(_relative(segment.path, here))
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def extinf_microseconds(rendition: Rendition, sample_rate: int) -> list[int]:
    """Durations whose partial sums are the boundaries, each rounded to the nearest microsecond, and the song's end."""
    starts = [segment.start + rendition.priming for segment in rendition.segments[1:]]
    ends = [*starts, sum(segment.duration for segment in rendition.segments)]
    rounded = [0, *((2 * end * MICROSECONDS + sample_rate) // (2 * sample_rate) for end in ends)]
    return [stop - start for start, stop in pairwise(rounded)]


def target_duration(durations: list[int]) -> int:
    """The longest EXTINF, rounded to the nearest integer (§4.4.3.1); never 0, even for a 50 ms blip."""
    return max(1, *((duration + MICROSECONDS // 2) // MICROSECONDS for duration in durations))


def _check(presentation: Presentation, kind: str) -> None:
    scheme = presentation.protection.scheme
    if kind not in KINDS[scheme] or not kind.startswith("hls"):
        raise ManifestError(f"no {kind!r} playlists of a presentation whose protection is {scheme}")


def _relative(path: str, manifest: str) -> str:
    """`path` as seen from `manifest`, both relative to the version's folder."""
    folder = manifest[: manifest.rfind("/") + 1]
    if path.startswith(folder):  # as segments do, by the hundred
        return addresses.plain(path)[len(folder) :]
    return posixpath.relpath(addresses.plain(path), posixpath.dirname(manifest))
