"""HLS playlists (RFC 8216bis): one multivariant playlist and a media playlist for each rendition, per family.

Time. A segment's EXTINF has six decimals, and each boundary is rounded, not each duration: the partial sums are never
more than half a microsecond from the exact boundary, and their total is the song to the microsecond. The durations are
those of the presentation timeline, without the encoder's priming; the media timeline (``tfdt``) has it, and the edit list
in the init section takes it away again. hls.js, native players and ffmpeg start and go on exactly. shaka-player 5.2 compares
EXTINF with ``tfdt``, takes the difference for an error and the priming away twice, 980 samples lost at the first boundary,
unless it is told ``manifest.hls.ignoreManifestTimestampsInSegmentsMode: true``; then it is exact, too.

Order. The start variant comes first, the others follow by bandwidth. The standard gives the order no meaning; Apple's
players and ExoPlayer begin with the first (Apple TN2224).

Addresses are relative, so that the stream URL's token is carried on by itself.
"""

from __future__ import annotations

import posixpath
import re
from itertools import pairwise

from manifests import KINDS, addresses, attributes
from manifests.attributes import quoted
from manifests.hls_keys import media_key, session_key
from media.errors import ManifestError
from media.layout import MANIFESTS, media_playlist
from media.presentation import Presentation, Rendition

# EXT-X-MAP in a playlist of ordinary segments asks for 6, everything else here for less (§8).
VERSION = 6
MICROSECONDS = 1_000_000
_STABLE_ID = re.compile(r"[A-Za-z0-9+/=._-]+", re.ASCII)  # §4.4.6.2


def multivariant(presentation: Presentation, kind: str) -> str:
    """The multivariant playlist of the family `kind`. Raises `ManifestError` for values that no playlist can say."""
    _check(presentation, kind)
    start = presentation.start_rendition
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *session_key(presentation, kind),
    ]
    for rendition in sorted(presentation.renditions, key=lambda each: (each.name != start, each.bandwidth)):
        if not _STABLE_ID.fullmatch(rendition.name):
            raise ManifestError(f"rendition {rendition.name!r}: its name cannot be a STABLE-VARIANT-ID")
        variant = attributes.write(
            {
                "BANDWIDTH": rendition.bandwidth,
                "AVERAGE-BANDWIDTH": rendition.average_bandwidth,
                "CODECS": quoted(rendition.codec),
                "STABLE-VARIANT-ID": quoted(rendition.name),
            }
        )
        playlist = media_playlist(rendition.name, kind)
        lines += [f"#EXT-X-STREAM-INF:{variant}", _relative(playlist, MANIFESTS[kind])]
    return "\n".join(lines) + "\n"


def media(presentation: Presentation, rendition: Rendition, kind: str) -> str:
    """The media playlist of one rendition. Raises `ManifestError` for values that no playlist can say."""
    _check(presentation, kind)
    here = media_playlist(rendition.name, kind)
    durations = extinf_microseconds(rendition, presentation.sample_rate)
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_duration(durations)}",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        f"#EXT-X-MAP:URI={quoted(_relative(rendition.init, here))}",
        *media_key(presentation, rendition, kind),
    ]
    for segment, duration in zip(rendition.segments, durations, strict=True):
        lines.append(f"#EXTINF:{duration // MICROSECONDS}.{duration % MICROSECONDS:06d},")
        lines.append(_relative(segment.path, here))
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"


def extinf_microseconds(rendition: Rendition, sample_rate: int) -> list[int]:
    """Durations whose partial sums are the boundaries, each rounded to the nearest microsecond."""
    ends = [segment.start + segment.duration for segment in rendition.segments]
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
    return posixpath.relpath(addresses.plain(path), posixpath.dirname(manifest))
