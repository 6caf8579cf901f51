"""What goes into and comes out of the playlist operations."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from control_api.fields import (
    PLAYLIST_ID,
    SHARE_ID,
    Body,
    Cursor,
    Description,
    Limit,
    Parameters,
    Title,
    View,
)
from control_api.models import PlaylistRecord
from control_api.songs import SongView


class PlaylistPath(Parameters):
    playlist_id: Annotated[str, StringConstraints(pattern=PLAYLIST_ID)]


class SharePath(Parameters):
    share_id: Annotated[str, StringConstraints(pattern=SHARE_ID)]


class PlaylistsQuery(Parameters):
    limit: Limit = 50
    cursor: Cursor | None = None


class NewPlaylist(Body):
    title: Title
    description: Description = ""


class PlaylistEdit(Body):
    """What is absent or null stays as it is."""

    title: Title | None = None
    description: Description | None = None


class ItemView(View):
    item_id: str
    position: int
    song_id: str
    song: SongView | None = Field(description="null while the song is not in the catalogue")
    added_ms: int


class PlaylistSummary(View):
    """`version` counts the changes; it is the ETag, as ``"v3"``."""

    playlist_id: str
    title: str
    description: str
    version: int
    share_id: str | None = Field(description="set while the playlist is shared")
    created_ms: int
    updated_ms: int


class PlaylistView(PlaylistSummary):
    items: list[ItemView]


class PlaylistPage(View):
    items: list[PlaylistSummary]
    next_cursor: str | None


class SharedView(View):
    """A playlist as strangers see it."""

    title: str
    description: str
    updated_ms: int
    items: list[ItemView]


def summary_of(playlist: PlaylistRecord) -> PlaylistSummary:
    return PlaylistSummary(
        playlist_id=playlist.playlist_id,
        title=playlist.title,
        description=playlist.description,
        version=playlist.version,
        share_id=playlist.share_id,
        created_ms=playlist.created_ms,
        updated_ms=playlist.updated_ms,
    )
