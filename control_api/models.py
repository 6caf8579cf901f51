"""The tables. Times are Unix milliseconds; ids that people see are random hex; songs are known by their song id alone,
because they live in the store: a playlist keeps its place for a song that is gone and may come back.
"""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Record(DeclarativeBase):
    type_annotation_map = {int: BigInteger, str: Text}  # noqa: RUF012  SQLAlchemy reads it from the class


class AccountRecord(Record):
    """`email` and `password` (an argon2id hash) are None for guests."""

    __tablename__ = "accounts"

    account_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)
    password: Mapped[str | None]
    role: Mapped[str] = mapped_column(String(16))
    tier: Mapped[str] = mapped_column(String(16))
    region: Mapped[str | None] = mapped_column(String(2))
    created_ms: Mapped[int]


class SongRecord(Record):
    """What the catalogue last read of a song: the pointer's ETag, and the entry as JSON, None when it is broken."""

    __tablename__ = "songs"

    song_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    etag: Mapped[str]
    entry: Mapped[str | None]


class RightsRecord(Record):
    """Who may stream a song; a song without a record is for everyone, everywhere. `regions` None means everywhere."""

    __tablename__ = "rights"

    song_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    tiers: Mapped[list[str]] = mapped_column(JSON)
    regions: Mapped[list[str] | None] = mapped_column(JSON)


class PlaylistRecord(Record):
    """`version` counts the changes and is the ETag; `share_id` is the public link's secret, None when not shared."""

    __tablename__ = "playlists"

    playlist_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.account_id", ondelete="CASCADE"))
    title: Mapped[str]
    description: Mapped[str]
    version: Mapped[int]
    share_id: Mapped[str | None] = mapped_column(String(22), unique=True)
    created_ms: Mapped[int]
    updated_ms: Mapped[int]

    __table_args__ = (Index("playlists_of_account", "account_id", "created_ms", "playlist_id"),)


class PlaylistItemRecord(Record):
    """`position` counts from 0 without gaps within a playlist."""

    __tablename__ = "playlist_items"

    item_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    playlist_id: Mapped[str] = mapped_column(ForeignKey("playlists.playlist_id", ondelete="CASCADE"))
    position: Mapped[int]
    song_id: Mapped[str] = mapped_column(String(64))
    added_ms: Mapped[int]

    __table_args__ = (Index("items_in_order", "playlist_id", "position"),)


class PlayRecord(Record):
    """What one account heard of one song: `times` counts plays that were long enough to mean something."""

    __tablename__ = "plays"

    account_id: Mapped[str] = mapped_column(
        ForeignKey("accounts.account_id", ondelete="CASCADE"), primary_key=True
    )
    song_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    times: Mapped[int]
    ms_played: Mapped[int]
    last_ms: Mapped[int]

    __table_args__ = (Index("plays_of_song", "song_id", "account_id"),)
