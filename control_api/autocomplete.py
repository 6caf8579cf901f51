"""Autocomplete: titles, artists and albums that have words beginning with what was typed so far.

Each text is in the index once, however many songs carry it, found by the beginnings of its words. The order: texts
that begin with the query as a whole, then the popular ones, then the short ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from tantivy import Document, Index, Occur, Query, SchemaBuilder

from control_api.folding import beginnings, edges, fold
from media.song import Song

Kind = Literal["title", "artist", "album"]
CANDIDATES = 200

_builder = SchemaBuilder()
_builder.add_integer_field("slot", indexed=True, fast=True)
_builder.add_text_field("edges", tokenizer_name="whitespace", index_option="basic")
SCHEMA = _builder.build()


@dataclass(slots=True)
class Suggestion:
    """`text` as the first song wrote it; `songs` are the ids of those that carry it."""

    text: str
    kind: Kind
    folded: str
    slot: int
    songs: set[str] = field(default_factory=set)


class Suggestions:
    """Blocking, as `control_api.search.SearchIndex` is: call it in a thread."""

    def __init__(self) -> None:
        self._index = Index(SCHEMA)
        self._writer = self._index.writer(heap_size=32_000_000, num_threads=1)
        self._searcher = self._index.searcher()
        self._by_slot: dict[int, Suggestion] = {}
        self._by_text: dict[tuple[Kind, str], Suggestion] = {}
        self._of_song: dict[str, list[Suggestion]] = {}
        self._next = 0
        self._lock = Lock()

    def update(self, changed: Iterable[Song], removed: Iterable[str] = ()) -> None:
        with self._lock:
            for song_id in removed:
                self._forget(song_id)
            for song in changed:
                self._forget(song.song_id)
                self._of_song[song.song_id] = [
                    self._take(kind, text, song.song_id) for kind, text in _texts(song)
                ]
            self._writer.commit()
            self._index.reload()
            self._searcher = self._index.searcher()

    def suggest(self, query: str, limit: int, popularity: Mapping[str, float]) -> list[Suggestion]:
        """The best `limit` continuations of `query`; `popularity` is 0 to 1 by song id, absent for none."""
        searcher = self._searcher
        terms = [
            (Occur.Must, Query.term_query(SCHEMA, "edges", term, index_option="basic"))
            for term in sorted(beginnings(query))
        ]
        if not terms:
            return []
        hits = searcher.search(Query.boolean_query(terms), CANDIDATES, count=False).hits
        slots = searcher.fast_field_values("slot", [address for _, address in hits])
        found = [self._by_slot[slot] for slot in slots if isinstance(slot, int) and slot in self._by_slot]
        folded = fold(query)

        def rank(suggestion: Suggestion) -> tuple[bool, float, int, str, str]:
            liked = max((popularity.get(song_id, 0.0) for song_id in suggestion.songs.copy()), default=0.0)
            begins = suggestion.folded.startswith(folded)
            return (not begins, -liked, len(suggestion.folded), suggestion.folded, suggestion.kind)

        return sorted(found, key=rank)[:limit]

    def _take(self, kind: Kind, text: str, song_id: str) -> Suggestion:
        folded = fold(text)
        suggestion = self._by_text.get((kind, folded))
        if suggestion is None:
            suggestion = Suggestion(text, kind, folded, self._next)
            self._next += 1
            document = Document()
            document.add_integer("slot", suggestion.slot)
            document.add_text("edges", " ".join(edges(text)))
            self._writer.add_document(document)
            self._by_text[kind, folded] = self._by_slot[suggestion.slot] = suggestion
        suggestion.songs.add(song_id)
        return suggestion

    def _forget(self, song_id: str) -> None:
        for suggestion in self._of_song.pop(song_id, ()):
            suggestion.songs.discard(song_id)
            if not suggestion.songs and suggestion.slot in self._by_slot:
                del self._by_slot[suggestion.slot]
                self._writer.delete_documents_by_term("slot", suggestion.slot)
                del self._by_text[suggestion.kind, suggestion.folded]


def _texts(song: Song) -> Iterator[tuple[Kind, str]]:
    yield "title", song.title
    for artist in song.artists:
        yield "artist", artist
    if song.album:
        yield "album", song.album
