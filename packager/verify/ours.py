"""Presentations of ours: everything that presentation.json names, fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from manifests.addresses import plain
from media import layout
from media.errors import ManifestError, ObjectMissing, StoreError
from media.presentation import Presentation
from packager.verify.source import AT_ONCE, Fetched, Source


def paths(presentation: Presentation) -> Iterator[str]:
    """Every path that a presentation names, and the media playlists that follow from it."""
    for rendition in presentation.renditions:
        yield rendition.init
        yield from (segment.path for segment in rendition.segments)
        yield from (
            layout.media_playlist(rendition.name, kind)
            for kind in presentation.manifests
            if kind in layout.MANIFESTS and kind != "dash"
        )
    yield from presentation.manifests.values()
    yield from filter(None, (presentation.cover, presentation.peaks, presentation.preview))


def is_plain(path: str) -> bool:
    """Whether `path` may be looked up: relative, downward and without anything that needs an escape."""
    try:
        plain(path)
    except ManifestError:
        return False
    return True


async def read_presentation(source: Source) -> Presentation:
    """Raises `ManifestError` for a presentation.json that is none."""
    document = await source.fetch(layout.PRESENTATION)
    if document is None:
        raise ManifestError(f"{layout.PRESENTATION}: it is not there")
    return Presentation.from_json(document.body)


async def collect(source: Source, presentation: Presentation) -> tuple[dict[str, Fetched], dict[str, str]]:
    """Fetch every file of the presentation, a few at a time; and, by path, why some could not be fetched."""
    gate = asyncio.Semaphore(AT_ONCE)
    wanted = sorted({path for path in paths(presentation) if is_plain(path)})

    async def fetch(path: str) -> Fetched | StoreError:
        async with gate:
            try:
                return await source.fetch(path) or ObjectMissing("it is not there")
            except StoreError as error:
                return error

    results = dict(zip(wanted, await asyncio.gather(*map(fetch, wanted)), strict=True))
    files = {path: result for path, result in results.items() if isinstance(result, Fetched)}
    return files, {path: str(result) for path, result in results.items() if isinstance(result, StoreError)}
