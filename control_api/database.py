"""The records: one engine, one kind of transaction.

SQLite by default (a file, WAL, foreign keys on); any database that SQLAlchemy has an async driver for is one URL away.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from control_api.models import Record
from media.errors import ApiError, SettingsError
from media.private import private_file, private_folder

log = logging.getLogger("tonearm.api")


def default_url(home: Path) -> str:
    """SQLite's URL of ``api.sqlite`` in `home`, which is made when it is not there."""
    return URL.create(
        "sqlite+aiosqlite", database=str(private_folder(home) / "api.sqlite")
    ).render_as_string()


class Database:
    """`url` such as ``sqlite+aiosqlite:////srv/api.sqlite``. Raises `SettingsError` for one that makes no sense."""

    def __init__(self, url: str) -> None:
        try:
            self.engine = create_async_engine(make_url(url))
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
            # The URL may hold a password: it is not repeated.
            raise SettingsError(f"database URL: {type(error).__name__}") from None
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    async def open(self) -> None:
        """Make the tables that are missing. Raises `SettingsError` when the database cannot be opened."""
        file = self.engine.url.database
        try:
            if self.engine.dialect.name == "sqlite" and file:
                # aiosqlite leaves a thread behind when it cannot open a file, so that is tried without it.
                await asyncio.to_thread(_try_sqlite, file)
            async with self.engine.begin() as connection:
                await connection.run_sync(Record.metadata.create_all)
        except (DBAPIError, sqlite3.Error, OSError) as error:
            reason: object = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(error, OSError):
                reason = f"{file}: {error.strerror}"
            raise SettingsError(f"database: cannot be opened: {reason}") from None

    async def close(self) -> None:
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """All or nothing. A database that is locked or away is 503, not a bug of ours."""
        try:
            async with self._sessions.begin() as session:
                yield session
        except OperationalError as error:
            log.error("database: %s", error.orig)
            raise ApiError(503, "database-unavailable", "the database did not answer in time") from None


def _try_sqlite(file: str) -> None:
    if not file.startswith((":memory:", "file:")):  # what SQLite reads as something else than a path
        private_file(Path(file))  # SQLite's own would be 0644, and who registered is nobody else's business
    connection = sqlite3.connect(file, timeout=5)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    finally:
        connection.close()


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    cursor = connection.cursor()
    # WAL: readers never wait for the writer. NORMAL: the last commits may be lost with the power, never the file.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
