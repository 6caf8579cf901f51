"""The manifests of a presentation, read: what the rules of several books look at.

Their own grammar is judged by `manifests.rules`; what cannot be read is passed over here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from manifests import hls_reader, mpd_reader
from manifests.hls_reader import Playlist
from manifests.mpd_reader import Mpd
from media import layout
from media.errors import ManifestError
from media.presentation import Rendition
from packager.verify.evidence import Evidence

Document = TypeVar("Document")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/", re.ASCII)  # a scheme, or a path from the root


def multivariants(evidence: Evidence) -> Iterator[tuple[str, str, Playlist]]:
    """Kind, path and contents of each multivariant playlist that can be read."""
    for kind, path in evidence.presentation.manifests.items():
        playlist = _playlist(evidence, path) if _is_hls(kind) else None
        if playlist is not None and (evidence.ours or playlist.all("EXT-X-STREAM-INF")):
            yield kind, path, playlist


def media_playlists(evidence: Evidence) -> Iterator[tuple[str, Rendition, str, Playlist]]:
    """Kind, rendition, path and contents of each media playlist that can be read."""
    for kind in filter(_is_hls, evidence.presentation.manifests):
        for rendition in evidence.presentation.renditions:
            path = evidence.playlist_path(rendition.name, kind)
            playlist = _playlist(evidence, path)
            if playlist is not None:
                yield kind, rendition, path, playlist


def mpds(evidence: Evidence) -> Iterator[tuple[str, Mpd]]:
    """Path and contents of the MPD, where there is one that can be read."""
    path = evidence.presentation.manifests.get("dash", "")
    mpd = _read(evidence, path, mpd_reader.read)
    if mpd is not None:
        yield path, mpd


def resolved(uri: str, playlist: str) -> str:
    """A relative URI of `playlist` as a path in the version's folder; an absolute one as it is."""
    if _ABSOLUTE.match(uri):
        return uri
    return posixpath.normpath(posixpath.join(posixpath.dirname(playlist), uri))


def _is_hls(kind: str) -> bool:
    return kind != "dash" and kind in layout.MANIFESTS


def _playlist(evidence: Evidence, path: str) -> Playlist | None:
    return _read(evidence, path, hls_reader.read)


def _read(evidence: Evidence, path: str, reader: Callable[[bytes], Document]) -> Document | None:
    """A manifest, read once."""

    def read() -> Document | None:
        body = evidence.body(path)
        try:
            return None if body is None else reader(body)
        except ManifestError:
            return None

    return evidence.once(f"{reader.__module__} {path}", read)
