"""Playlists: an account's own lists of songs, and a public link for whom it wants to see one.

To anybody but its owner a playlist does not exist: 404, not 403. Who has the link reads it without an account; the
link is 128 random bits, and taking it back makes it worthless. What is in a playlist is `control_api.playlist_items`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from control_api.catalogue import Catalogue
from control_api.database import Database
from control_api.endpoint import Access, Caller, Operation
from control_api.models import PlaylistItemRecord as Item
from control_api.models import PlaylistRecord as Playlist
from control_api.paging import decode, encode
from control_api.playlist_views import (
    ItemView,
    NewPlaylist,
    PlaylistEdit,
    PlaylistPage,
    PlaylistPath,
    PlaylistsQuery,
    PlaylistView,
    SharedView,
    SharePath,
    summary_of,
)
from control_api.songs import view_of
from media.errors import ApiError

MOST_PLAYLISTS = 500
GONE = {404: "The caller has no such playlist"}
CHANGED = GONE | {412: "It is no longer the version that If-Match names"}


class Playlists:
    """`clock` gives Unix milliseconds."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Callable[[], int]) -> None:
        self.database = database
        self.catalogue = catalogue
        self.clock = clock

    def operations(self) -> list[Operation]:
        mine = "/v1/playlists/{playlist_id}"
        own = Access.ACCOUNT
        return [
            Operation(
                "POST",
                "/v1/playlists",
                self.create,
                "Make a playlist",
                access=own,
                status=201,
                refusals={409: "The account has too many"},
            ),
            Operation("GET", "/v1/playlists", self.list, "The caller's playlists, newest first", access=own),
            Operation("GET", mine, self.read, "A playlist and its items", access=own, refusals=GONE),
            Operation("PATCH", mine, self.edit, "Rename or describe", access=own, refusals=CHANGED),
            Operation("DELETE", mine, self.delete, "Delete a playlist", access=own, refusals=CHANGED),
            Operation(
                "POST", f"{mine}/share", self.share, "Make a public link", access=own, refusals=CHANGED
            ),
            Operation(
                "DELETE", f"{mine}/share", self.unshare, "Take the link back", access=own, refusals=CHANGED
            ),
            Operation(
                "GET",
                "/v1/shared/{share_id}",
                self.read_shared,
                "A shared playlist, for anyone with the link",
                refusals={404: "There is no such link"},
            ),
        ]

    async def create(self, caller: Caller, body: NewPlaylist) -> PlaylistView:
        now = self.clock()
        playlist = Playlist(
            playlist_id=secrets.token_hex(16),
            account_id=caller.account_id,
            title=body.title,
            description=body.description,
            version=1,
            share_id=None,
            created_ms=now,
            updated_ms=now,
        )
        async with self.database.transaction() as session:
            session.add(playlist)
            await session.flush()
            owned = select(func.count()).where(Playlist.account_id == caller.account_id)
            if (await session.scalar(owned) or 0) > MOST_PLAYLISTS:
                raise ApiError(409, "too-many-playlists", f"an account has at most {MOST_PLAYLISTS}")
        return PlaylistView(**summary_of(playlist).model_dump(), items=[])

    async def list(self, caller: Caller, query: PlaylistsQuery) -> PlaylistPage:
        wanted = select(Playlist).where(Playlist.account_id == caller.account_id)
        key = (Playlist.created_ms, Playlist.playlist_id)
        if query.cursor is not None:
            wanted = wanted.where(tuple_(*key) < tuple_(*decode(query.cursor, int, str)))
        wanted = wanted.order_by(*(column.desc() for column in key)).limit(query.limit + 1)
        async with self.database.transaction() as session:
            found = list(await session.scalars(wanted))
        shown = found[: query.limit]
        more = len(found) > len(shown)
        return PlaylistPage(
            items=[summary_of(playlist) for playlist in shown],
            next_cursor=encode((shown[-1].created_ms, shown[-1].playlist_id)) if more else None,
        )

    async def read(self, caller: Caller, path: PlaylistPath) -> PlaylistView:
        async with self.database.transaction() as session:
            playlist = await session.get(Playlist, path.playlist_id)
            if playlist is None or playlist.account_id != caller.account_id:
                raise no_such_playlist()
            return await self.view(session, playlist)

    async def edit(
        self, caller: Caller, path: PlaylistPath, body: PlaylistEdit, if_match: int | None
    ) -> PlaylistView:
        return await self._change(caller, path, if_match, **body.model_dump(exclude_none=True))

    async def delete(self, caller: Caller, path: PlaylistPath, if_match: int | None) -> None:
        async with self.database.transaction() as session:
            await self.touch(session, caller, path.playlist_id, if_match)
            await session.execute(delete(Playlist).where(Playlist.playlist_id == path.playlist_id))

    async def share(self, caller: Caller, path: PlaylistPath, if_match: int | None) -> PlaylistView:
        """A playlist that is shared keeps its link."""
        link = func.coalesce(Playlist.share_id, secrets.token_urlsafe(16))
        return await self._change(caller, path, if_match, share_id=link)

    async def unshare(self, caller: Caller, path: PlaylistPath, if_match: int | None) -> PlaylistView:
        return await self._change(caller, path, if_match, share_id=None)

    async def read_shared(self, path: SharePath) -> SharedView:
        async with self.database.transaction() as session:
            playlist = await session.scalar(select(Playlist).where(Playlist.share_id == path.share_id))
            if playlist is None:
                raise ApiError(404, "no-such-link", "nothing is shared under this link, or no longer")
            seen = await self.view(session, playlist)
        return SharedView(
            title=seen.title, description=seen.description, updated_ms=seen.updated_ms, items=seen.items
        )

    async def touch(
        self,
        session: AsyncSession,
        caller: Caller,
        playlist_id: str,
        if_match: int | None,
        **values: object,
    ) -> Playlist:
        """Begin a change: count the version up and set `values`, or raise `ApiError` 404 or 412.

        The UPDATE also takes the lock that keeps changes of one playlist apart; so it comes before any reading.
        """
        mine = (Playlist.playlist_id == playlist_id) & (Playlist.account_id == caller.account_id)
        expected = mine if if_match is None else mine & (Playlist.version == if_match)
        playlist: Playlist | None = await session.scalar(
            update(Playlist)
            .where(expected)
            .values(version=Playlist.version + 1, updated_ms=self.clock(), **values)
            .returning(Playlist)
        )
        if playlist is not None:
            return playlist
        if await session.scalar(select(Playlist.version).where(mine)) is None:
            raise no_such_playlist()
        raise ApiError(412, "precondition-failed", "the playlist was changed meanwhile; read it again")

    async def view(self, session: AsyncSession, playlist: Playlist) -> PlaylistView:
        wanted = select(Item).where(Item.playlist_id == playlist.playlist_id).order_by(Item.position)
        entries = self.catalogue.entries
        items = [
            ItemView(
                item_id=item.item_id,
                position=item.position,
                song_id=item.song_id,
                song=view_of(entries[item.song_id]) if item.song_id in entries else None,
                added_ms=item.added_ms,
            )
            for item in await session.scalars(wanted)
        ]
        return PlaylistView(**summary_of(playlist).model_dump(), items=items)

    async def _change(
        self, caller: Caller, path: PlaylistPath, if_match: int | None, **values: object
    ) -> PlaylistView:
        async with self.database.transaction() as session:
            playlist = await self.touch(session, caller, path.playlist_id, if_match, **values)
            return await self.view(session, playlist)


def no_such_playlist() -> ApiError:
    return ApiError(404, "no-such-playlist", "you have no such playlist")
