"""The catalogue: what is published in the store, kept in memory, in step by the pointers' ETags.

A refresh lists the store, reads what changed, and forgets what is gone. A song counts when its pointer and the
presentation it names can be read and agree; any other is logged once and left out. What was read is also written to
the database, so that a restart reads pointers only, and an unreachable store leaves yesterday's catalogue.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import delete, select

from control_api.database import Database
from control_api.folding import fold
from control_api.models import SongRecord
from control_api.songs import ENTRY_JSON, Entry, entry_of
from media import layout
from media.errors import ApiError, FormatError, ObjectMissing
from media.ports import ObjectStore, read_all
from media.presentation import Presentation
from media.song import SONG_ID, Song
from origin.publish import Pointer

log = logging.getLogger("tonearm.api")

LAST = "~"  # sorts behind every folded text
SortKey = tuple[str, str, int, int, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a refresh found: songs new or changed, and the ids of those that are no longer there."""

    changed: tuple[Song, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)


class Catalogue:
    """`entries` and the pages change only inside `load` and `refresh`, in one step each, between awaits."""

    def __init__(self, store: ObjectStore, database: Database) -> None:
        self.store = store
        self.database = database
        self.entries: Mapping[str, Entry] = {}
        self._etags: dict[str, str] = {}
        self._order: list[SortKey] = []
        self._free = asyncio.Semaphore(16)

    def find(self, song_id: str) -> Entry:
        """Raises `ApiError` 404."""
        entry = self.entries.get(song_id)
        if entry is None:
            raise ApiError(404, "no-such-song", f"there is no song {song_id!r}")
        return entry

    def page(self, after: SortKey | None, limit: int) -> tuple[list[Entry], SortKey | None]:
        """Up to `limit` entries by artist, album and track, and the key to go on `after`, None at the end."""
        start = 0 if after is None else bisect_right(self._order, after)
        keys = self._order[start : start + limit]
        more = start + limit < len(self._order)
        return [self.entries[key[-1]] for key in keys], keys[-1] if more else None

    async def load(self) -> Changes:
        """Take up what the last process knew."""
        async with self.database.transaction() as session:
            records = (await session.scalars(select(SongRecord))).all()
        entries: dict[str, Entry] = {}
        for record in records:
            try:
                if record.entry is not None:
                    entries[record.song_id] = ENTRY_JSON.validate_json(record.entry)
            except ValidationError:
                log.warning("songs/%s: kept by another version of Tonearm; reading it again", record.song_id)
                continue
            self._etags[record.song_id] = record.etag
        return self._replace(entries)

    async def refresh(self) -> Changes:
        """Read what changed since the last time. Raises `StoreError` when the store cannot be listed."""
        found = {}
        async for info in self.store.list("songs/", named=layout.CURRENT):
            parts = info.key.split("/")
            if len(parts) == 3 and parts[2] == layout.CURRENT and SONG_ID.fullmatch(parts[1]):
                found[parts[1]] = info.etag
        stale = [song_id for song_id, etag in found.items() if self._etags.get(song_id) != etag]
        gone = [song_id for song_id in self._etags if song_id not in found]
        if not stale and not gone:
            return Changes((), ())
        read = dict(zip(stale, await asyncio.gather(*map(self._read, stale)), strict=True))
        entries = {song_id: entry for song_id, entry in self.entries.items() if song_id in found}
        for song_id, entry in read.items():
            entries.pop(song_id, None)
            if entry is not None:
                entries[song_id] = entry
        async with self.database.transaction() as session:
            for start in range(0, len(gone), 500):
                batch = gone[start : start + 500]
                await session.execute(delete(SongRecord).where(SongRecord.song_id.in_(batch)))
            for song_id, entry in read.items():
                text = None if entry is None else ENTRY_JSON.dump_json(entry).decode()
                await session.merge(SongRecord(song_id=song_id, etag=found[song_id], entry=text))
        self._etags = found
        return self._replace(entries)

    async def _read(self, song_id: str) -> Entry | None:
        """The entry that the pointer names, or None when it is broken: then it is not asked for again until it changes."""
        try:
            async with self._free:
                pointer = Pointer.from_json(await read_all(self.store, layout.pointer(song_id)))
                return await read_entry(self.store, song_id, pointer.version)
        except (ObjectMissing, FormatError, ValueError, RecursionError) as error:
            log.warning("songs/%s: left out of the catalogue: %s", song_id, error)
            return None

    def _replace(self, entries: dict[str, Entry]) -> Changes:
        before, self.entries = self.entries, entries
        self._order = sorted(map(sort_key, entries.values()))
        return Changes(
            changed=tuple(
                entry.song for song_id, entry in entries.items() if before.get(song_id) is not entry
            ),
            removed=tuple(song_id for song_id in before if song_id not in entries),
        )


async def read_entry(store: ObjectStore, song_id: str, version: str) -> Entry:
    """The entry of any version in the store. Raises `ObjectMissing` or `FormatError`."""
    path = layout.folder(song_id, version) + layout.PRESENTATION
    presentation = Presentation.from_json(await read_all(store, path))
    if presentation.song.song_id != song_id or presentation.version != version:
        raise FormatError(f"{path}: it describes {presentation.song.song_id}/{presentation.version}")
    return entry_of(presentation)


def sort_key(entry: Entry) -> SortKey:
    """By artist, album, disc and track, those without an artist or an album last; the song id makes it unique."""
    song = entry.song
    artist = song.album_artist or (song.artists[0] if song.artists else "")
    return (
        fold(artist)[:64] or LAST,
        fold(song.album)[:64] or LAST,
        song.disc_number or 0,
        song.track_number or 0,
        song.song_id,
    )
