"""Where everything lies in a store, and under which URL. The only module that spells a path.

    songs/{song_id}/current.json                       the mutable pointer
    songs/{song_id}/{version}.claim                    while a version is being published
    songs/{song_id}/{version}/presentation.json        from here on immutable
    songs/{song_id}/{version}/hls.m3u8                 multivariant: ClearKey licence (hls.js); the only one when clear
    songs/{song_id}/{version}/hls-identity.m3u8        multivariant: raw key (shaka-player, mpv, native); cbcs and cenc only
    songs/{song_id}/{version}/dash.mpd
    songs/{song_id}/{version}/audio/{rendition}/init.mp4
    songs/{song_id}/{version}/audio/{rendition}/00001.m4s
    songs/{song_id}/{version}/audio/{rendition}/track.mp4   instead of both: a rendition of one file
    songs/{song_id}/{version}/audio/{rendition}/hls.m3u8, hls-identity.m3u8
    songs/{song_id}/{version}/public/cover.jpg, peaks.json, preview.m4a

A stream URL is ``{edge}/t/{token}/songs/…``: the token is a path segment, so every relative address in every
manifest carries it on and no player has to sign anything. What lies under ``public/`` needs no token. Keys and
licences are reached through the same token: ``{edge}/t/{token}/keys/{kid}`` and ``{edge}/t/{token}/licence/clearkey``.
"""

from __future__ import annotations

import re

from media.song import SONG_ID

CURRENT = "current.json"
PRESENTATION = "presentation.json"
INIT = "init.mp4"
TRACK = "track.mp4"
KEYS = "keys/{kid}"  # relative to the token's root
LICENCE = "licence/clearkey"

MANIFESTS = {"hls": "hls.m3u8", "hls-identity": "hls-identity.m3u8", "dash": "dash.mpd"}  # by kind
PLAYLISTS = ("hls", "hls-identity")  # the kinds that have a media playlist for each rendition

VERSION = re.compile(r"[0-9a-f]{16}", re.ASCII)
IMMUTABLE = "public, max-age=31536000, immutable"
MUTABLE = "no-cache"  # store, but ask before use: the pointer is 200 bytes and its ETag is strong

MEDIA_TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "audio/mp4",
    ".m4s": "audio/mp4",
    ".m4a": "audio/mp4",
    ".json": "application/json",
    ".jpg": "image/jpeg",
    ".png": "image/png",
}


def pointer(song_id: str) -> str:
    return f"songs/{song_id}/{CURRENT}"


def claim(song_id: str, version: str) -> str:
    """The object by which publishers of one version settle who may take it back; there only while somebody publishes."""
    return f"songs/{song_id}/{version}.claim"


def folder(song_id: str, version: str) -> str:
    """The version's folder, with its closing slash; also the scope of a stream token."""
    return f"songs/{song_id}/{version}/"


def init(rendition: str) -> str:
    """Path of a rendition's CMAF header, relative to the version's folder."""
    return f"audio/{rendition}/{INIT}"


def segment(rendition: str, number: int) -> str:
    """Path relative to the version's folder; numbers start at 1."""
    return f"audio/{rendition}/{number:05d}.m4s"


def track(rendition: str) -> str:
    """Path of a rendition of one file, relative to the version's folder."""
    return f"audio/{rendition}/{TRACK}"


def media_playlist(rendition: str, kind: str) -> str:
    """Path of a rendition's HLS media playlist of the family `kind`, relative to the version's folder."""
    return f"audio/{rendition}/{MANIFESTS[kind]}"


def media_type(path: str) -> str:
    """The media type by suffix; what has no known suffix is ``application/octet-stream``."""
    dot = path.rfind(".")
    return MEDIA_TYPES.get(path[dot:], "application/octet-stream") if dot >= 0 else "application/octet-stream"


def cache_control(path: str) -> str:
    """The policy table: immutable under a version, revalidated everywhere else."""
    parts = path.split("/")
    immutable = (
        len(parts) > 3
        and parts[0] == "songs"
        and bool(SONG_ID.fullmatch(parts[1]) and VERSION.fullmatch(parts[2]))
    )
    return IMMUTABLE if immutable else MUTABLE


def is_public(path: str) -> bool:
    """Whether `path` may be served without a token: ``songs/{id}/{version}/public/…``."""
    parts = path.split("/")
    return len(parts) == 5 and parts[0] == "songs" and parts[3] == "public"
