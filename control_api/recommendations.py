"""Recommendations: songs that go with the seeds, each with the strongest reason.

Seeds are the songs that the request names, else what the caller heard last. A song gains by what listeners of a seed
also played (cosine of the two audiences), by sharing artist, album or genre with it (`control_api.neighbours`), and a
little by being popular; when that gives too few, popular songs follow. The same data gives the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from pydantic import Field

from control_api.catalogue import Catalogue
from control_api.endpoint import Access, Caller, Operation
from control_api.fields import Limit, Parameters, SongId, View
from control_api.neighbours import Likeness, Neighbours
from control_api.plays import Plays
from control_api.songs import Entry, SongView, view_of

Kind = Literal["same-artist", "same-album", "listeners-also-played", "same-genre", "popular"]
SEEDS = 10
PAIRS = 500
POPULARITY = 0.05
TEXTS: Mapping[Kind, str] = {
    "same-artist": "By the artist of “{}”",
    "same-album": "From the album of “{}”",
    "listeners-also-played": "Listeners of “{}” also played this",
    "same-genre": "In the genre of “{}”",
    "popular": "Popular with all listeners",
}
UNHEARD = "Something else from the catalogue"


class RecommendationsQuery(Parameters):
    seed: tuple[SongId, ...] = Field(
        default=(), max_length=SEEDS, description="song ids; without any, what the caller heard last"
    )
    limit: Limit = 20


class Reason(View):
    kind: Kind
    text: str
    seed: str | None = Field(description="the song it goes with; null when it is popular")


class Recommendation(View):
    song: SongView
    score: float
    reason: Reason


class RecommendationPage(View):
    items: list[Recommendation]


@dataclass(slots=True)
class Tally:
    """What speaks for one song: the sum of all, and the strongest single reason with its seed."""

    score: float = 0.0
    best: float = 0.0
    kind: Kind = "popular"
    seed: str | None = None

    def add(self, kind: Kind | Likeness, seed: str, weight: float) -> None:
        self.score += weight
        if weight > self.best:
            self.best, self.kind, self.seed = weight, kind, seed


class Recommendations:
    """`neighbours` gives those of the present catalogue; `popularity` is 0 to 1 by song id."""

    def __init__(
        self,
        catalogue: Catalogue,
        plays: Plays,
        neighbours: Callable[[], Neighbours],
        popularity: Mapping[str, float],
    ) -> None:
        self.catalogue = catalogue
        self.plays = plays
        self.neighbours = neighbours
        self.popularity = popularity

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "GET",
                "/v1/recommendations",
                self.recommend,
                "Songs that go with songs",
                access=Access.ACCOUNT,
                refusals={404: "A seed is not in the catalogue"},
            )
        ]

    async def recommend(self, caller: Caller, query: RecommendationsQuery) -> RecommendationPage:
        for song_id in query.seed:
            self.catalogue.find(song_id)
        heard = () if query.seed else await self.plays.recent(caller.account_id, SEEDS)
        entries = self.catalogue.entries
        seeds = [song_id for song_id in dict.fromkeys(query.seed or heard) if song_id in entries]
        tallies = await self._tally(seeds, entries)
        ranked = sorted(tallies, key=lambda song_id: (-tallies[song_id].score, song_id))[: query.limit]
        if len(ranked) < query.limit:
            taken = {*tallies, *seeds}
            rest = sorted(
                entries.keys() - taken, key=lambda song_id: (-self.popularity.get(song_id, 0.0), song_id)
            )
            for song_id in rest[: query.limit - len(ranked)]:
                tallies[song_id] = Tally(POPULARITY * self.popularity.get(song_id, 0.0))
                ranked.append(song_id)
        return RecommendationPage(items=[_item(entries, song_id, tallies[song_id]) for song_id in ranked])

    async def _tally(self, seeds: list[str], entries: Mapping[str, Entry]) -> dict[str, Tally]:
        """All that speaks for songs among `entries` other than the seeds."""
        tallies: dict[str, Tally] = {}
        if not seeds:
            return tallies
        neighbours = self.neighbours()
        for pair in await self.plays.together(seeds, PAIRS):
            weight = pair.both / sqrt(pair.listeners * pair.seed_listeners)
            if pair.song_id in entries:
                tallies.setdefault(pair.song_id, Tally()).add("listeners-also-played", pair.seed, weight)
        for seed in seeds:
            for like in neighbours.of(seed):
                if like.song_id in entries and like.song_id not in seeds:
                    tallies.setdefault(like.song_id, Tally()).add(like.likeness, seed, like.weight)
        for song_id, tally in tallies.items():
            tally.score = tally.score / len(seeds) + POPULARITY * self.popularity.get(song_id, 0.0)
        return tallies


def _item(entries: Mapping[str, Entry], song_id: str, tally: Tally) -> Recommendation:
    about = "" if tally.seed is None else entries[tally.seed].song.title
    text = TEXTS[tally.kind].format(about) if tally.score else UNHEARD
    return Recommendation(
        song=view_of(entries[song_id]),
        score=round(tally.score, 4),
        reason=Reason(kind=tally.kind, text=text, seed=tally.seed),
    )
