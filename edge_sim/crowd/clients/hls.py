"""HLS, as hls.js walks it: multivariant playlist, the media playlist of one rendition, then the objects; others' playlists when they are wanted."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urljoin

from edge_sim.crowd.clients.objects import objects
from edge_sim.crowd.clients.score import REMEMBERED, Ask, Opened, Part, Score, Track, granted
from edge_sim.player import hls
from edge_sim.player.connection import Connection
from media.errors import ManifestError


class Hls:
    """Follows `edge_sim.crowd.clients.score.Client`."""

    streaming_format = "h"

    async def open(self, connection: Connection, ask: Ask) -> Opened:
        grant = await granted(connection, ask)
        url = grant["manifests"]["hls"]
        names, ladder, playlists = _multivariant(
            await connection.get("manifest", url, headers=ask.headers("m"))
        )
        score = Score(names, ladder, playlists=[urljoin(url, each) for each in playlists])
        index = score.index(ask.likely or grant["start_rendition"])
        await self.track(connection, score, index)
        return await objects(connection, ask, grant, score, index)

    async def track(self, connection: Connection, score: Score, index: int) -> Track:
        if index not in score.tracks:
            url = score.playlists[index]
            score.tracks[index] = _media(await connection.get("playlist", url)).at(url)
        return score.tracks[index]


@lru_cache(maxsize=REMEMBERED)
def _multivariant(text: bytes) -> tuple[tuple[str, ...], tuple[int, ...], tuple[str, ...]]:
    """Names, bandwidths and playlists. A rendition is named as the folder of its playlist."""
    variants = sorted(
        hls.playlist(text, "hls.m3u8").playlists, key=lambda each: int(each.stream_info.bandwidth or 0)
    )
    if not variants:
        raise ManifestError("hls.m3u8: no variant streams")
    return (
        tuple(each.uri.rpartition("/")[0].rpartition("/")[2] for each in variants),
        tuple(int(each.stream_info.bandwidth) for each in variants),
        tuple(each.uri for each in variants),
    )


@lru_cache(maxsize=REMEMBERED)
def _media(text: bytes) -> Track:
    media = hls.playlist(text, "")
    if not media.segments or media.segments[0].init_section is None:
        raise ManifestError("hls.m3u8: no segment with an EXT-X-MAP")
    first, seconds, ends, parts, reached = media.segments[0], 0.0, [], [], 0
    for each in media.segments:
        seconds += float(each.duration or 0)
        ends.append(round(seconds * 1000))
        part = hls.byte_range(each.byterange, "hls.m3u8", reached)
        reached = part.stop if part else 0
        parts.append(Part(each.uri, part))
    key = hls.openable(media, "hls.m3u8")
    return Track(
        init=Part(first.init_section.uri, hls.byte_range(first.init_section.byterange, "hls.m3u8")),
        segments=tuple(parts),
        ends_ms=tuple(ends),
        key=None if key is None else hls.address(key, ""),
        iv=hls.iv_of(key, media, "hls.m3u8") if key is not None and key.method == "AES-128" else b"",
    )
