"""What anyone may look at: the songs, search, autocomplete."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import cast

from pydantic import Field

from control_api.autocomplete import Kind, Suggestions
from control_api.catalogue import Catalogue, SortKey
from control_api.endpoint import Operation
from control_api.fields import Cursor, Limit, Parameters, Query, SongId, View
from control_api.paging import decode, encode
from control_api.search import SearchIndex
from control_api.songs import SongView, view_of


class SongPath(Parameters):
    song_id: SongId


class SongsQuery(Parameters):
    limit: Limit = 50
    cursor: Cursor | None = None


class SongPage(View):
    items: list[SongView]
    next_cursor: str | None


class SearchQuery(Parameters):
    q: Query
    limit: Limit = 20


class SearchItem(View):
    song: SongView
    score: float


class SearchPage(View):
    items: list[SearchItem]
    took_ms: float


class AutocompleteQuery(Parameters):
    q: Query
    limit: Limit = 10


class AutocompleteItem(View):
    text: str
    kind: Kind
    song_id: str | None = Field(description="of a title")


class AutocompletePage(View):
    items: list[AutocompleteItem]


class Browse:
    """`popularity` is 0 to 1 by song id, and may change its content between requests."""

    def __init__(
        self,
        catalogue: Catalogue,
        index: SearchIndex,
        suggestions: Suggestions,
        popularity: Mapping[str, float],
    ) -> None:
        self.catalogue = catalogue
        self.index = index
        self.suggestions = suggestions
        self.popularity = popularity

    def operations(self) -> list[Operation]:
        return [
            Operation("GET", "/v1/songs", self.list, "All songs, by artist, album and track"),
            Operation(
                "GET", "/v1/songs/{song_id}", self.read, "One song", refusals={404: "There is no such song"}
            ),
            Operation("GET", "/v1/search", self.search, "Search titles, artists and albums"),
            Operation(
                "GET", "/v1/autocomplete", self.autocomplete, "Titles, artists and albums that begin so"
            ),
        ]

    async def list(self, query: SongsQuery) -> SongPage:
        after = None if query.cursor is None else cast(SortKey, decode(query.cursor, str, str, int, int, str))
        entries, last = self.catalogue.page(after, query.limit)
        return SongPage(
            items=[view_of(entry) for entry in entries], next_cursor=None if last is None else encode(last)
        )

    async def read(self, path: SongPath) -> SongView:
        return view_of(self.catalogue.find(path.song_id))

    async def search(self, query: SearchQuery) -> SearchPage:
        started = time.perf_counter()
        hits = await asyncio.to_thread(self.index.search, query.q, query.limit, self.popularity)
        entries = self.catalogue.entries
        return SearchPage(
            items=[
                SearchItem(song=view_of(entries[hit.song_id]), score=hit.score)
                for hit in hits
                if hit.song_id in entries
            ],
            took_ms=round((time.perf_counter() - started) * 1000, 2),
        )

    async def autocomplete(self, query: AutocompleteQuery) -> AutocompletePage:
        found = await asyncio.to_thread(self.suggestions.suggest, query.q, query.limit, self.popularity)
        return AutocompletePage(
            items=[
                AutocompleteItem(
                    text=suggestion.text,
                    kind=suggestion.kind,
                    song_id=min(suggestion.songs, default=None) if suggestion.kind == "title" else None,
                )
                for suggestion in found
            ]
        )
