"""What is in a playlist, in which order: add at a position, move, remove.

Positions count from 0 without gaps. Every change moves the items behind it in one transaction, under the lock that
`Playlists.touch` took; with at most a thousand items that is one short UPDATE.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from control_api.endpoint import Access, Caller, Operation
from control_api.fields import PLAYLIST_ID, Body, SongId
from control_api.models import PlaylistItemRecord as Item
from control_api.playlist_views import PlaylistPath, PlaylistView
from control_api.playlists import CHANGED, Playlists
from media.errors import ApiError

MOST_ITEMS = 1000
ItemId = Annotated[str, StringConstraints(pattern=PLAYLIST_ID)]
Position = Annotated[int, Field(ge=0, lt=MOST_ITEMS)]


class ItemPath(PlaylistPath):
    item_id: ItemId


class NewItem(Body):
    song_id: SongId
    position: Position | None = Field(default=None, description="where it will be; null means at the end")


class ItemMove(Body):
    item_id: ItemId
    position: Position = Field(description="where it will be")


class PlaylistItems:
    def __init__(self, playlists: Playlists, clock: Callable[[], int]) -> None:
        self.playlists = playlists
        self.clock = clock

    def operations(self) -> list[Operation]:
        items = "/v1/playlists/{playlist_id}/items"
        own = Access.ACCOUNT
        return [
            Operation(
                "POST",
                items,
                self.add,
                "Add a song",
                access=own,
                status=201,
                refusals=CHANGED | {409: "The playlist is full"},
            ),
            Operation("PATCH", items, self.move, "Move an item", access=own, refusals=CHANGED),
            Operation(
                "DELETE", f"{items}/{{item_id}}", self.remove, "Remove an item", access=own, refusals=CHANGED
            ),
        ]

    async def add(
        self, caller: Caller, path: PlaylistPath, body: NewItem, if_match: int | None
    ) -> PlaylistView:
        self.playlists.catalogue.find(body.song_id)
        async with self.playlists.database.transaction() as session:
            playlist = await self.playlists.touch(session, caller, path.playlist_id, if_match)
            length = await _length(session, path.playlist_id)
            if length >= MOST_ITEMS:
                raise ApiError(409, "playlist-full", f"a playlist has at most {MOST_ITEMS} items")
            position = length if body.position is None else _within(body.position, length)
            await _shift(session, path.playlist_id, Item.position >= position, +1)
            session.add(
                Item(
                    item_id=secrets.token_hex(16),
                    playlist_id=path.playlist_id,
                    position=position,
                    song_id=body.song_id,
                    added_ms=self.clock(),
                )
            )
            await session.flush()
            return await self.playlists.view(session, playlist)

    async def move(
        self, caller: Caller, path: PlaylistPath, body: ItemMove, if_match: int | None
    ) -> PlaylistView:
        async with self.playlists.database.transaction() as session:
            playlist = await self.playlists.touch(session, caller, path.playlist_id, if_match)
            item = await _item(session, path.playlist_id, body.item_id)
            start, stop = item.position, _within(body.position, await _length(session, path.playlist_id) - 1)
            if start < stop:
                await _shift(session, path.playlist_id, Item.position.between(start + 1, stop), -1)
            else:
                await _shift(session, path.playlist_id, Item.position.between(stop, start - 1), +1)
            item.position = stop
            await session.flush()
            return await self.playlists.view(session, playlist)

    async def remove(self, caller: Caller, path: ItemPath, if_match: int | None) -> PlaylistView:
        async with self.playlists.database.transaction() as session:
            playlist = await self.playlists.touch(session, caller, path.playlist_id, if_match)
            item = await _item(session, path.playlist_id, path.item_id)
            await session.delete(item)
            await session.flush()
            await _shift(session, path.playlist_id, Item.position > item.position, -1)
            return await self.playlists.view(session, playlist)


async def _length(session: AsyncSession, playlist_id: str) -> int:
    return await session.scalar(select(func.count()).where(Item.playlist_id == playlist_id)) or 0


async def _item(session: AsyncSession, playlist_id: str, item_id: str) -> Item:
    item = await session.get(Item, item_id)
    if item is None or item.playlist_id != playlist_id:
        raise ApiError(404, "no-such-item", "the playlist has no such item")
    return item


async def _shift(session: AsyncSession, playlist_id: str, which: ColumnElement[bool], by: int) -> None:
    await session.execute(
        update(Item).where(Item.playlist_id == playlist_id, which).values(position=Item.position + by),
        execution_options={"synchronize_session": False},
    )


def _within(position: int, last: int) -> int:
    if position > last:
        detail = f"the last position here is {last}"
        raise ApiError(
            422,
            "invalid",
            f"body: not acceptable: position: {detail}",
            members={"errors": [{"in": "body", "field": "position", "detail": detail}]},
        )
    return position
