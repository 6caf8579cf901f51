"""Search and autocomplete: small catalogues for what each rule means, a large real one for how well they do."""

from __future__ import annotations

import json
import random
import sqlite3
import unicodedata
from pathlib import Path

import pytest

from control_api.autocomplete import Suggestions
from control_api.folding import edges, fold, grams, plain_title
from control_api.search import SearchIndex
from media.song import Song

SONGS = [
    Song("s-hoppipolla", "Hoppípolla", ("Sigur Rós",), "Takk..."),
    Song("s-rain", "冷雨夜", ("Beyond",), "秘密警察"),
    Song("s-cruel", "Cruel Summer", ("Taylor Swift",), "Lover"),
    Song("s-cruel2", "Cruel Summer", ("Bananarama",), "Bananarama"),
    Song("s-dont", "Don't Stop Me Now - Remastered 2011", ("Queen",), "Jazz"),
    Song("s-tsoy", "Группа крови", ("Кино",), "Группа крови"),
    Song("s-feat", "greedy (feat. Somebody Else)", ("Tate McRae",), ""),
    Song("s-none", "Untitled"),
]


@pytest.fixture(scope="module")
def index() -> SearchIndex:
    made = SearchIndex()
    made.update(SONGS)
    return made


@pytest.fixture(scope="module")
def suggestions() -> Suggestions:
    made = Suggestions()
    made.update(SONGS)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("hoppipolla", "s-hoppipolla"),  # no diacritics
        ("HOPPÍPOLLA", "s-hoppipolla"),
        ("hopipola", "s-hoppipolla"),  # typos
        ("sigur ros", "s-hoppipolla"),  # the artist
        ("takk", "s-hoppipolla"),  # the album
        ("hoppi", "s-hoppipolla"),  # a beginning
        ("ros hoppipolla sigur", "s-hoppipolla"),  # words in any order
        ("cruel summer swift", "s-cruel"),
        ("bananarama cruel sumer", "s-cruel2"),
        ("冷雨夜", "s-rain"),
        ("雨夜", "s-rain"),
        ("leng yu ye", "s-rain"),  # transliterated
        ("gruppa krovi", "s-tsoy"),
        ("кино", "s-tsoy"),
        ("dont stop me now", "s-dont"),  # without the apostrophe, without what the label appended
        ("don’t stop me now", "s-dont"),
        ("greedy", "s-feat"),
        ("ｃｒｕｅｌ　ｓｕｍｍｅｒ　ｓｗｉｆｔ", "s-cruel"),  # full width
    ],
)
def test_finds(index: SearchIndex, query: str, found: str) -> None:
    assert index.search(query, 10, {})[0].song_id == found


@pytest.mark.parametrize("query", ["", "   ", "!?%_*", "\0", "zzzzqqqq xkcd", "🎵"])
def test_finds_nothing(index: SearchIndex, query: str) -> None:
    assert index.search(query, 10, {}) == []


@pytest.mark.parametrize(
    "query",
    ["title:x OR *", '"unclosed', "a" * 200, "(((", "AND NOT", "slot:1", "^2 ~3", "'; DROP TABLE songs"],
)
def test_query_language_is_only_text(index: SearchIndex, query: str) -> None:
    assert len(index.search(query, 10, {})) < len(SONGS)


def test_popular_songs_come_first_among_equals(index: SearchIndex) -> None:
    for popular in ("s-cruel", "s-cruel2"):
        hits = index.search("cruel summer", 10, {popular: 1.0})
        assert hits[0].song_id == popular
        assert hits[0].score == pytest.approx(1.15)
        assert hits[1].score == pytest.approx(1.0)


def test_changed_songs_are_found_anew_and_removed_ones_no_more() -> None:
    index = SearchIndex()
    index.update(SONGS)
    index.update([Song("s-cruel2", "Venus", ("Bananarama",))], removed=["s-cruel", "s-never-there"])
    assert [hit.song_id for hit in index.search("cruel summer", 10, {})] == []
    assert [hit.song_id for hit in index.search("venus", 10, {})] == ["s-cruel2"]


def test_suggests_titles_artists_and_albums_once_each(suggestions: Suggestions) -> None:
    def suggest(query: str) -> list[tuple[str, str]]:
        return [(found.kind, found.text) for found in suggestions.suggest(query, 10, {})]

    assert suggest("cruel") == [("title", "Cruel Summer")]  # two songs, one text
    assert suggest("bana") == [("album", "Bananarama"), ("artist", "Bananarama")]
    assert suggest("ros") == [("artist", "Sigur Rós")]  # the second word
    assert suggest("sigur r") == [("artist", "Sigur Rós")]
    assert suggest("冷") == [("title", "冷雨夜")]
    assert suggest("груп") == [("album", "Группа крови"), ("title", "Группа крови")]
    assert suggest("") == suggest("!!!") == suggest("zz") == []


def test_suggestions_that_begin_with_the_query_go_first_then_the_popular(suggestions: Suggestions) -> None:
    texts = [found.text for found in suggestions.suggest("s", 10, {})]
    assert texts[0] == "Sigur Rós"
    liked = [found.text for found in suggestions.suggest("t", 10, {"s-feat": 0.9, "s-hoppipolla": 0.4})]
    assert liked[:3] == ["Tate McRae", "Takk...", "Taylor Swift"]


def test_a_suggestion_stays_until_its_last_song_goes() -> None:
    suggestions = Suggestions()
    suggestions.update(SONGS)
    suggestions.update([], removed=["s-cruel"])
    assert [found.songs for found in suggestions.suggest("cruel", 10, {})] == [{"s-cruel2"}]
    suggestions.update([Song("s-cruel2", "Venus", ("Bananarama",))])
    assert suggestions.suggest("cruel", 10, {}) == []
    assert [found.kind for found in suggestions.suggest("bana", 10, {})] == ["artist"]
    suggestions.update([], removed=[song.song_id for song in SONGS])
    assert suggestions.suggest("v", 10, {}) == []


def test_folding() -> None:
    assert fold("Sigur Rós – Ágætis") == "sigur ros agaetis"
    assert fold("Rock 'n' Roll / P!nk") == "rock n roll p nk"
    assert grams("Yes") == {"_ye", "yes", "es_"}
    assert grams("冷雨") >= {"冷", "雨", "冷雨"}
    assert edges("Yes no") == {"y", "ye", "yes", "n", "no"}
    assert plain_title("(I Can't Get No) Satisfaction") == "(I Can't Get No) Satisfaction"
    assert plain_title("Ragdoll [Live] - Remix") == "Ragdoll"


def mangle(choose: random.Random, title: str, artist: str) -> str:
    """What somebody types who half remembers it, on a small keyboard."""

    def typo(text: str) -> str:
        at = choose.randrange(1, len(text) - 1)
        letter = choose.choice("abcdefghijklmnopqrstuvwxyz")
        return choose.choice(
            [
                text[:at] + text[at + 1 :],
                text[:at] + letter + text[at:],
                text[:at] + letter + text[at + 1 :],
                text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            ]
        )

    whole = choose.choice([f"{title} {artist}", f"{artist} {title}"])
    kind = choose.randrange(5)
    if kind == 0:
        return typo(whole)
    if kind == 1:
        return typo(typo(whole))
    if kind == 2:
        return whole[: max(6, len(whole) * 2 // 3)]
    if kind == 3:
        parts = unicodedata.normalize("NFD", whole)
        return "".join(part for part in parts if not unicodedata.combining(part)).upper()
    words = whole.split()
    choose.shuffle(words)
    return " ".join(words)


@pytest.mark.masters
def test_mangled_queries_on_a_real_catalogue(shared: Path) -> None:
    path = shared / "data" / "catalogue.sqlite"
    if not path.is_file():
        pytest.skip("no data/catalogue.sqlite among the shared data")
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as connection:
        rows = connection.execute(
            "SELECT id, title, artists, album, pop FROM track WHERE title != '' AND artists != '[]' "
            "ORDER BY (id * 7919) % 126897 LIMIT 20000"
        ).fetchall()
    connection.close()
    songs = [
        Song(f"t{number:06}", title, tuple(json.loads(artists)), album or "")
        for number, title, artists, album, _ in rows
    ]
    popularity = {f"t{number:06}": pop / 100 for number, *_, pop in rows}
    index = SearchIndex()
    index.update(songs)
    # Some songs are here several times over, by several labels: any of them is what was meant.
    same: dict[tuple[str, str], set[str]] = {}
    for song in songs:
        same.setdefault((plain_title(song.title), song.artists[0]), set()).add(song.song_id)
    choose = random.Random(20261123)
    asked = choose.sample(songs, 500)
    first = ten = 0
    for song in asked:
        named = plain_title(song.title), song.artists[0]
        found = [hit.song_id for hit in index.search(mangle(choose, *named), 10, popularity)]
        ten += bool(same[named].intersection(found))
        first += bool(found and found[0] in same[named])
    assert ten / len(asked) > 0.95
    assert first / len(asked) > 0.85

    suggestions = Suggestions()
    suggestions.update(songs)
    for song in asked[:200]:
        typed = fold(song.artists[0])[:6]
        if len(typed) == 6:
            found_texts = [fold(found.text)[:6] for found in suggestions.suggest(typed, 10, popularity)]
            assert typed in found_texts, typed
