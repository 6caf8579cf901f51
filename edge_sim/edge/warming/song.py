"""Which objects of a song are worth having: those that its start needs, or all."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Literal

from media import layout
from media.errors import ManifestError
from media.presentation import Presentation

Extent = Literal["start", "all"]


def objects(text: bytes, extent: Extent, renditions: Collection[str] = ()) -> Iterator[str]:
    """Paths of the song whose ``presentation.json`` is `text`, what is needed first standing first.

    ``start``: manifests, playlists, and of each rendition the header and the first segment. ``all``: its other segments, too. A rendition of one file
    is named whole in both. With `renditions` only these. Raises `ManifestError`.
    """
    presentation = Presentation.from_json(text)
    folder = layout.folder(presentation.song.song_id, presentation.version)
    chosen = [each for each in presentation.renditions if not renditions or each.name in renditions]
    yield folder + layout.PRESENTATION
    for kind, name in presentation.manifests.items():
        yield folder + name
        if kind != "dash":
            yield from (folder + layout.media_playlist(each.name, kind) for each in chosen)
    for each in chosen:
        yield folder + each.init
        if not each.one_file:
            yield folder + each.segments[0].path
    if extent == "all":
        for each in chosen:
            if not each.one_file:
                yield from (folder + segment.path for segment in each.segments[1:])


def current(text: bytes, song_id: str) -> str:
    """The path of the presentation that a song's pointer, `text`, leads to. Raises `ManifestError`."""
    try:
        version = json.loads(text)["version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ManifestError(f"{layout.pointer(song_id)}: not a pointer to a version") from None
    if not isinstance(version, str) or not layout.VERSION.fullmatch(version):
        raise ManifestError(f"{layout.pointer(song_id)}: {str(version)[:40]!r} is no version")
    return layout.folder(song_id, version) + layout.PRESENTATION
