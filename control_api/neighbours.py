"""Which songs are like a song, by what is known of them without any listener: artist, album, genre, loudness.

Built once for a catalogue and then only read. Genres are large, so of the songs of one genre only those count that are
close in loudness: quiet goes with quiet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from control_api.folding import fold
from control_api.songs import Entry

Likeness = Literal["same-album", "same-artist", "same-genre"]
WEIGHTS: Mapping[Likeness, float] = {"same-album": 0.5, "same-artist": 0.4, "same-genre": 0.2}
NEAREST = 50  # on either side, of the songs of one genre
MOST = 500  # songs of one artist or album
UNKNOWN_LUFS = -14.0


@dataclass(frozen=True, slots=True)
class Like:
    """`weight` is 0 to 1; `song_id` is like the song that was asked about because of `likeness`."""

    song_id: str
    likeness: Likeness
    weight: float


class Neighbours:
    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self._entries = entries
        self._by_artist: dict[str, list[str]] = defaultdict(list)
        self._by_album: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._by_genre: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for song_id, entry in sorted(entries.items()):
            for artist in _artists(entry):
                self._by_artist[artist].append(song_id)
            if album := _album(entry):
                self._by_album[album].append(song_id)
            for genre in _genres(entry):
                self._by_genre[genre].append((_loudness(entry), song_id))
        for songs in self._by_genre.values():
            songs.sort()

    def of(self, seed: str) -> Iterator[Like]:
        """What is like `seed`, itself included; a song may come several times. Nothing, when `seed` is newer than this."""
        entry = self._entries.get(seed)
        if entry is None:
            return
        album = _album(entry)
        same_album = dict.fromkeys(self._by_album[album][:MOST] if album else ())
        same_artist = dict.fromkeys(
            song_id for artist in sorted(_artists(entry)) for song_id in self._by_artist[artist][:MOST]
        )
        for song_id in same_album:
            yield Like(song_id, "same-album", WEIGHTS["same-album"])
        for song_id in same_artist:
            if song_id not in same_album:
                yield Like(song_id, "same-artist", WEIGHTS["same-artist"])
        genres, loudness = _genres(entry), _loudness(entry)
        for genre in sorted(genres):
            songs = self._by_genre[genre]
            middle = bisect_left(songs, (loudness, seed))
            for other, song_id in songs[max(0, middle - NEAREST) : middle + NEAREST + 1]:
                closeness = 1 / (1 + abs(other - loudness))
                weight = WEIGHTS["same-genre"] * (0.5 + 0.5 * closeness) / len(genres)
                yield Like(song_id, "same-genre", weight)


def _artists(entry: Entry) -> set[str]:
    return {fold(artist) for artist in entry.song.artists} - {""}


def _album(entry: Entry) -> tuple[str, str] | None:
    song = entry.song
    artist = song.album_artist or (song.artists[0] if song.artists else "")
    return (fold(artist), fold(song.album)) if song.album else None


def _genres(entry: Entry) -> set[str]:
    return {fold(genre) for genre in entry.song.genres} - {""}


def _loudness(entry: Entry) -> float:
    return UNKNOWN_LUFS if entry.loudness_lufs is None else entry.loudness_lufs
