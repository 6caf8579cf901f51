"""Presentations from one store to another: what the source's pointers name, published in the target.

    async for step in sync(source, target):
        print(step.song_id, step.status)

A song travels as it was published: all of a version or nothing, the pointer last, and only when its bytes are those that its
`presentation.json` tells. What the target's pointer names already costs no more than a look.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from hashlib import sha256

from media import layout
from media.errors import FormatError, ManifestError, StoreError
from media.ports import ObjectStore, read_all
from media.presentation import Presentation
from origin.bulk import each
from origin.publish import current, publish


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one song: `status` is copied, unchanged or failed; `objects` and `size` in bytes are what was copied."""

    song_id: str
    version: str
    status: str
    objects: int = 0
    size: int = 0
    reason: str = ""


async def sync(
    source: ObjectStore, target: ObjectStore, *, songs: Collection[str] = ()
) -> AsyncIterator[Step]:
    """Copy the songs of those ids, or all. An error of one song is told and stops none of the others.

    Raises `StoreError` when the songs of `source` cannot even be listed.
    """
    if songs:
        wanted = [*songs]
    else:
        pointers = [info.key async for info in source.list("songs/", named=layout.CURRENT)]
        wanted = sorted(key.split("/")[1] for key in pointers if key.count("/") == 2)
    for song_id in wanted:
        version = ""
        try:
            pointer = await current(source, song_id)
            if pointer is None:
                yield Step(song_id, "", "failed", reason=f"{song_id}: not published in the source")
                continue
            version = pointer.version
            there = await current(target, song_id)
            if there is not None and there.version == version:
                yield Step(song_id, version, "unchanged")
                continue
            objects = await _read(source, song_id, version)
            await publish(target, song_id=song_id, version=version, objects=objects.items())
        except (StoreError, FormatError) as error:
            yield Step(song_id, version, "failed", reason=str(error))
        else:
            yield Step(song_id, version, "copied", len(objects), sum(map(len, objects.values())))


async def _read(store: ObjectStore, song_id: str, version: str) -> dict[str, bytes]:
    """Every object of a version by its path in it. Raises `StoreError`, and `FormatError` when bytes are not those published."""
    folder = layout.folder(song_id, version)
    keys = sorted([info.key async for info in store.list(folder)])
    objects = dict.fromkeys(key.removeprefix(folder) for key in keys)

    async def read(path: str) -> None:
        objects[path] = await read_all(store, folder + path)

    await each(list(objects), read)
    found = {path: body or b"" for path, body in objects.items()}
    _check(found, folder)
    return found


def _check(objects: dict[str, bytes], folder: str) -> None:
    if layout.PRESENTATION not in objects:
        raise ManifestError(f"{folder}{layout.PRESENTATION}: it is not there")
    presentation = Presentation.from_json(objects[layout.PRESENTATION])
    for rendition in presentation.renditions:
        digest = sha256()
        for path in dict.fromkeys((rendition.init, *(segment.path for segment in rendition.segments))):
            digest.update(objects.get(path, b""))
        if rendition.digest and digest.hexdigest() != rendition.digest:
            raise FormatError(f"{folder}audio/{rendition.name}: its bytes are not those that were published")
    if missing := set(presentation.manifests.values()) - objects.keys():
        raise FormatError(f"{folder}{min(missing)}: it is not there")
