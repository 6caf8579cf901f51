"""Rights: which tiers, in which regions, may stream a song. Without a record: all of them, everywhere.

They are kept in memory, because each stream grant asks for them; `load` takes up what other processes wrote.
"""

from __future__ import annotations

from pydantic import ConfigDict, Field
from sqlalchemy import select

from control_api.accounts import Tier
from control_api.browse import SongPath
from control_api.catalogue import Catalogue
from control_api.database import Database
from control_api.endpoint import Access, Caller, Operation
from control_api.fields import Body, Region, View
from control_api.models import RightsRecord
from media.errors import ApiError


class NewRights(Body):
    tiers: list[Tier] = Field(max_length=10, description="tiers that may stream it; none means nobody")
    regions: list[Region] | None = Field(
        default=None, max_length=300, description="where it may be streamed; null means everywhere"
    )


class RightsView(View):
    model_config = ConfigDict(from_attributes=True)

    song_id: str
    tiers: list[Tier]
    regions: list[Region] | None


class Rights:
    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self.database = database
        self.catalogue = catalogue
        self._by_song: dict[str, RightsView] = {}

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "PUT",
                "/v1/songs/{song_id}/rights",
                self.replace,
                "Say who may stream a song",
                access=Access.ADMIN,
                refusals={404: "There is no such song"},
            )
        ]

    async def replace(self, path: SongPath, body: NewRights) -> RightsView:
        self.catalogue.find(path.song_id)
        tiers = sorted(set(body.tiers))
        regions = None if body.regions is None else sorted(set(body.regions))
        async with self.database.transaction() as session:
            await session.merge(RightsRecord(song_id=path.song_id, tiers=tiers, regions=regions))
        rights = RightsView(song_id=path.song_id, tiers=tiers, regions=regions)
        self._by_song[path.song_id] = rights
        return rights

    async def load(self) -> None:
        async with self.database.transaction() as session:
            records = await session.scalars(select(RightsRecord))
            self._by_song = {record.song_id: RightsView.model_validate(record) for record in records}

    def check(self, caller: Caller, song_id: str) -> None:
        """Raises `ApiError` 403 when `caller` may not stream the song. One whose region nobody knows is in none."""
        rights = self._by_song.get(song_id)
        if rights is None:
            return
        if caller.tier not in rights.tiers:
            raise ApiError(403, "not-in-your-tier", f"this song is not part of the tier {caller.tier!r}")
        if rights.regions is not None and caller.region not in rights.regions:
            raise ApiError(403, "not-in-your-region", "this song may not be streamed in your region")
