"""A song: the catalogue's entity, as the master's tags describe it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from media.errors import SettingsError

SONG_ID = re.compile(r"[a-z0-9][a-z0-9_-]{2,63}", re.ASCII)


def check_song_id(song_id: str) -> str:
    """Return `song_id` unchanged, or raise `SettingsError`: it becomes part of paths and URLs."""
    if not SONG_ID.fullmatch(song_id):
        raise SettingsError(f"song id {song_id!r}: 3 to 64 of a-z 0-9 _ -, not starting with _ or -")
    return song_id


@dataclass(frozen=True, slots=True)
class Song:
    """What a listener sees of a song. Empty tags are empty strings, empty tuples or ``None``."""

    song_id: str
    title: str
    artists: tuple[str, ...] = ()
    album: str = ""
    album_artist: str = ""
    track_number: int | None = None
    disc_number: int | None = None
    date: str = ""
    genres: tuple[str, ...] = ()
    isrc: str = ""
    copyright: str = ""

    def __post_init__(self) -> None:
        check_song_id(self.song_id)
