"""Search: songs by what people type, with typos, missing accents, half words and words in any order.

Two questions give candidates, a comparison gives the order. tantivy answers both questions from an index in memory:
which songs share most trigrams with the query (typos), and which have words that the query's words begin (prefixes).
The union, some two hundred songs, is compared to the query as a whole by rapidfuzz; what is popular comes a little
further up. On 126,896 tracks success@10 is above .98 for mangled queries, at one or two milliseconds a query.

The popularity is no part of the index: it changes with every play, and tantivy would want the document again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock

from rapidfuzz import fuzz
from tantivy import Document, Index, Occur, Query, SchemaBuilder

from control_api.folding import beginnings, edges, fold, grams, plain_title
from media.song import Song

CANDIDATES = 100  # of each question
POPULARITY = 0.15  # what the most popular song gains; the comparison gives 0 to 1
FAINTEST = 0.5  # a comparison below this is no hit

_builder = SchemaBuilder()
_builder.add_integer_field("slot", indexed=True, fast=True)
_builder.add_text_field("grams", tokenizer_name="whitespace", index_option="basic")
_builder.add_text_field("edges", tokenizer_name="whitespace", index_option="basic")
SCHEMA = _builder.build()


@dataclass(frozen=True, slots=True)
class Hit:
    """`score` is 0 to 1 for the comparison, plus the popularity's share."""

    song_id: str
    score: float


@dataclass(frozen=True, slots=True)
class Texts:
    """A song's folded texts, as the comparison wants them."""

    song_id: str
    title: str
    plain: str
    artists: str
    lead: str
    album: str


class SearchIndex:
    """Blocking: call it in a thread. Searches see the last finished `update`, and may run beside one."""

    def __init__(self) -> None:
        self._index = Index(SCHEMA)
        self._writer = self._index.writer(heap_size=32_000_000, num_threads=1)
        self._searcher = self._index.searcher()
        self._texts: dict[int, Texts] = {}
        self._slots: dict[str, int] = {}
        self._next = 0
        self._lock = Lock()

    def update(self, changed: Iterable[Song], removed: Iterable[str] = ()) -> None:
        """Take in new and changed songs, and forget those whose ids are `removed`."""
        with self._lock:
            for song_id in removed:
                self._forget(song_id)
            for song in changed:
                self._forget(song.song_id)
                self._add(song)
            self._writer.commit()
            self._index.reload()
            self._searcher = self._index.searcher()

    def search(self, query: str, limit: int, popularity: Mapping[str, float]) -> list[Hit]:
        """The best `limit` songs for `query`, best first; `popularity` is 0 to 1 by song id, absent for none."""
        folded = fold(query)
        hits = []
        for texts in self._candidates(query):
            likeness = _likeness(folded, texts)
            if likeness >= FAINTEST:
                bonus = POPULARITY * popularity.get(texts.song_id, 0.0)
                hits.append(Hit(texts.song_id, round(likeness + bonus, 4)))
        return sorted(hits, key=lambda hit: (-hit.score, hit.song_id))[:limit]

    def _add(self, song: Song) -> None:
        artists = " ".join(song.artists)
        text = " ".join((song.title, artists, song.album))
        slot = self._next
        self._next += 1
        document = Document()
        document.add_integer("slot", slot)
        document.add_text("grams", " ".join(grams(text)))
        document.add_text("edges", " ".join(edges(text)))
        self._writer.add_document(document)
        title = fold(song.title)
        self._texts[slot] = Texts(
            song.song_id,
            title,
            fold(plain_title(song.title)) or title,
            fold(artists),
            fold(song.artists[0]) if song.artists else "",
            fold(song.album),
        )
        self._slots[song.song_id] = slot

    def _forget(self, song_id: str) -> None:
        slot = self._slots.pop(song_id, None)
        if slot is not None:
            self._writer.delete_documents_by_term("slot", slot)
            del self._texts[slot]

    def _candidates(self, query: str) -> list[Texts]:
        searcher = self._searcher
        found = []
        for occur, name, terms in (
            (Occur.Should, "grams", grams(query)),
            (Occur.Must, "edges", beginnings(query)),
        ):
            if terms:
                parts = [
                    (occur, Query.term_query(SCHEMA, name, term, index_option="basic"))
                    for term in sorted(terms)
                ]
                found += searcher.search(Query.boolean_query(parts), CANDIDATES, count=False).hits
        slots = dict.fromkeys(searcher.fast_field_values("slot", [address for _, address in found]))
        # A song that `update` has just replaced is missing here for a moment, and back under its new slot.
        return [texts for slot in slots if isinstance(slot, int) and (texts := self._texts.get(slot))]


def _likeness(query: str, texts: Texts) -> float:
    """0 to 1: how well `query` is the title, the artist, the album, the beginning of one, or several of them."""
    length = len(query)
    named = f"{texts.plain} {texts.lead}"
    return (
        max(
            fuzz.ratio(query, texts.title),
            fuzz.ratio(query, texts.plain),
            fuzz.ratio(query, named),
            fuzz.ratio(query, f"{texts.lead} {texts.plain}"),
            fuzz.ratio(query, f"{texts.title} {texts.artists}"),
            0.97 * fuzz.token_sort_ratio(query, named),
            0.95 * fuzz.ratio(query, texts.lead),
            0.9 * fuzz.ratio(query, texts.album),
            0.93 * fuzz.ratio(query, texts.title[:length]),
            0.9 * fuzz.ratio(query, f"{texts.lead} {texts.plain}"[:length]),
        )
        / 100
    )
