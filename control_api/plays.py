"""Play events: who heard what, and what that says of songs: how popular, and played together with which.

A play counts when it lasted 30 seconds or half the song: shorter ones are kept as time heard, but recommend nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from pydantic import Field
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from control_api.catalogue import Catalogue
from control_api.database import Database
from control_api.endpoint import Access, Caller, Operation
from control_api.fields import Body, SongId, View
from control_api.models import PlayRecord

COUNTS_MS = 30_000


class NewPlay(Body):
    song_id: SongId
    ms_played: int = Field(ge=0, le=24 * 3600 * 1000)


class PlayView(View):
    song_id: str
    counted: bool


@dataclass(frozen=True, slots=True)
class Together:
    """`both` accounts played `seed` and `song_id`, `listeners` accounts played `song_id`, `seed_listeners` the seed."""

    seed: str
    song_id: str
    both: int
    listeners: int
    seed_listeners: int


class Plays:
    """`clock` gives Unix milliseconds."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Callable[[], int]) -> None:
        self.database = database
        self.catalogue = catalogue
        self.clock = clock

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "POST",
                "/v1/plays",
                self.record,
                "Tell that a song was played",
                access=Access.ACCOUNT,
                status=201,
                refusals={404: "There is no such song"},
            )
        ]

    async def record(self, caller: Caller, body: NewPlay) -> PlayView:
        entry = self.catalogue.find(body.song_id)
        heard = min(body.ms_played, entry.duration_ms)
        counted = heard >= min(COUNTS_MS, entry.duration_ms / 2)
        try:
            await self._add(caller.account_id, body.song_id, heard, counted)
        except IntegrityError:
            # Another request of the same listener inserted the row meanwhile: now there is one to update.
            await self._add(caller.account_id, body.song_id, heard, counted)
        return PlayView(song_id=body.song_id, counted=counted)

    async def _add(self, account_id: str, song_id: str, heard: int, counted: bool) -> None:
        now = self.clock()
        async with self.database.transaction() as session:
            updated = await session.execute(
                update(PlayRecord)
                .where(PlayRecord.account_id == account_id, PlayRecord.song_id == song_id)
                .values(
                    times=PlayRecord.times + int(counted),
                    ms_played=PlayRecord.ms_played + heard,
                    last_ms=now,
                )
                .returning(PlayRecord.song_id)
            )
            if updated.first() is None:
                session.add(
                    PlayRecord(
                        account_id=account_id,
                        song_id=song_id,
                        times=int(counted),
                        ms_played=heard,
                        last_ms=now,
                    )
                )

    async def recent(self, account_id: str, limit: int) -> list[str]:
        """The songs that this account heard last, the last one first."""
        wanted = (
            select(PlayRecord.song_id)
            .where(PlayRecord.account_id == account_id, PlayRecord.times > 0)
            .order_by(PlayRecord.last_ms.desc(), PlayRecord.song_id)
            .limit(limit)
        )
        async with self.database.transaction() as session:
            return list(await session.scalars(wanted))

    async def popularity(self) -> dict[str, float]:
        """0 to 1 by song id, logarithmic in the number of plays; songs without any are absent."""
        times = func.sum(PlayRecord.times)
        wanted = select(PlayRecord.song_id, times).group_by(PlayRecord.song_id).having(times > 0)
        async with self.database.transaction() as session:
            counts = {song_id: int(count) for song_id, count in await session.execute(wanted)}
        most = math.log1p(max(counts.values(), default=0))
        return {song_id: math.log1p(count) / most for song_id, count in counts.items()}

    async def together(self, seeds: Collection[str], limit: int) -> list[Together]:
        """The `limit` pairs of a seed and another song that most accounts played both of."""
        seed, other = aliased(PlayRecord), aliased(PlayRecord)
        both = func.count()
        pairs = (
            select(seed.song_id, other.song_id, both)
            .join(other, other.account_id == seed.account_id)
            .where(seed.song_id.in_(seeds), seed.times > 0)
            .where(other.song_id.not_in(seeds), other.times > 0)
            .group_by(seed.song_id, other.song_id)
            .order_by(both.desc(), seed.song_id, other.song_id)
            .limit(limit)
        )
        async with self.database.transaction() as session:
            found = [(a, b, int(count)) for a, b, count in await session.execute(pairs)]
            songs = {song_id for a, b, _ in found for song_id in (a, b)}
            counted = (
                select(PlayRecord.song_id, func.count())
                .where(PlayRecord.song_id.in_(songs), PlayRecord.times > 0)
                .group_by(PlayRecord.song_id)
            )
            listeners = {song_id: int(count) for song_id, count in await session.execute(counted)}
        return [Together(a, b, count, listeners[b], listeners[a]) for a, b, count in found]
