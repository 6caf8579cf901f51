"""The key store: content keys in one SQLite file, each sealed with the master key.

    >>> store = KeyStore(home / "keys", load_master_key(home, None))
    >>> key = store.for_scope("salt-air.5f0c11d2a9e37b48")   # created the first time, the same ever after

Sealed means AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; KID and scope are the associated data, so a row
that was altered or swapped does not open. KIDs and scopes lie in the clear: they are in every manifest anyway.
SQLite gives what a key store must not get wrong: a write is there in full or not at all, and of two processes that
create the key of one scope one wins and both get the same.
"""

from __future__ import annotations

import builtins
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

from Crypto.Cipher import AES

from drm.keys import KEY_SIZE, ContentKey
from drm.master_key import load_master_key
from media.errors import ContentKeyError, KeyMissing, KeyStoreLocked
from media.private import private_file, private_folder

__all__ = ["KeyStore", "load_master_key"]

FILE = "content-keys.sqlite"
_NONCE, _TAG = 12, 16
_LOCK = (
    b"tonearm key store 1",
    b"opens",
)  # associated data and contents of the row that proves the master key
_SCHEMA = """
CREATE TABLE IF NOT EXISTS lock (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS content_key (
    kid TEXT PRIMARY KEY, scope TEXT NOT NULL UNIQUE, created_ms INTEGER NOT NULL, sealed BLOB NOT NULL
) WITHOUT ROWID;
"""
_BY_KID = "SELECT kid, scope, created_ms, sealed FROM content_key WHERE kid = ?"
_BY_KIDS = "SELECT kid, scope, created_ms, sealed FROM content_key WHERE kid IN ({})"
_BY_SCOPE = "SELECT kid, scope, created_ms, sealed FROM content_key WHERE scope = ?"
_BY_EITHER = "SELECT kid, scope, created_ms, sealed FROM content_key WHERE kid = ? OR scope = ?"
_ALL = "SELECT kid, scope, created_ms, sealed FROM content_key ORDER BY created_ms, kid"

Row = tuple[str, str, int, bytes]


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


class KeyStore:
    """Content keys by KID and by scope. Safe between threads and processes; every call opens the file anew."""

    def __init__(self, path: Path, master_key: bytes, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        """Open the store in the folder `path`, or create it. Raises `KeyStoreLocked` when `master_key` does not open it."""
        self._path = path / FILE
        self._master_key = master_key
        self._now_ms = now_ms
        try:
            private_folder(path)
            private_file(self._path)  # SQLite's own would be 0644
        except OSError as error:
            raise ContentKeyError(f"{self._path}: {error.strerror}") from None
        with self._transaction() as connection:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute("INSERT OR IGNORE INTO lock VALUES (1, ?)", (self._seal(*_LOCK),))
            sealed: bytes = connection.execute("SELECT sealed FROM lock").fetchone()[0]
            self._open(_LOCK[0], sealed)

    def get(self, kid: UUID) -> ContentKey:
        """The key of that KID. Raises `KeyMissing`."""
        rows = self._select(_BY_KID, str(kid))
        if not rows:
            raise KeyMissing(f"no content key {kid}")
        return rows[0]

    def several(self, kids: Sequence[UUID]) -> dict[UUID, ContentKey]:
        """The keys of those KIDs, in one question. Raises `KeyMissing`."""
        found = {
            key.kid: key for key in self._select(_BY_KIDS.format(", ".join("?" * len(kids))), *map(str, kids))
        }
        for kid in kids:
            if kid not in found:
                raise KeyMissing(f"no content key {kid}")
        return {kid: found[kid] for kid in kids}

    def find(self, scope: str) -> ContentKey | None:
        """The key of that scope, or ``None`` when none was created yet."""
        rows = self._select(_BY_SCOPE, scope)
        return rows[0] if rows else None

    def for_scope(self, scope: str) -> ContentKey:
        """The key of that scope, made of random bytes the first time."""
        return self.find(scope) or self._insert(uuid4(), secrets.token_bytes(KEY_SIZE), scope)

    def add(self, kid: UUID, key: bytes, scope: str) -> ContentKey:
        """Store a key that was made elsewhere; again is no error. Raises `ContentKeyError` when KID or scope has another."""
        stored = self._insert(kid, key, scope)
        if (stored.kid, stored.key, stored.scope) != (kid, key, scope):
            raise ContentKeyError(f"{self._path}: {stored.kid} already is the key of scope {stored.scope!r}")
        return stored

    def list(self) -> builtins.list[ContentKey]:
        """Every key, oldest first."""
        return self._select(_ALL)

    def _insert(self, kid: UUID, key: bytes, scope: str) -> ContentKey:
        """Insert unless KID or scope is there; returns what is there afterwards."""
        made = ContentKey(kid, key, scope, self._now_ms())
        row = (str(kid), scope, made.created_ms, self._seal(_associated(str(kid), scope), key))
        with self._transaction() as connection:
            connection.execute("INSERT INTO content_key VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
            found: Row = connection.execute(_BY_EITHER, (str(kid), scope)).fetchone()
        return self._read(found)

    def _select(self, query: str, *values: str) -> builtins.list[ContentKey]:
        with self._transaction() as connection:
            rows: builtins.list[Row] = connection.execute(query, values).fetchall()
        return [self._read(row) for row in rows]

    def _read(self, row: Row) -> ContentKey:
        kid, scope, created_ms, sealed = row
        return ContentKey(UUID(kid), self._open(_associated(kid, scope), sealed), scope, created_ms)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level="IMMEDIATE")
            with connection:
                yield connection
        except sqlite3.Error as error:
            raise ContentKeyError(f"{self._path}: {error}") from None
        finally:
            if connection is not None:
                connection.close()

    def _seal(self, associated: bytes, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        cipher = AES.new(self._master_key, AES.MODE_GCM, nonce=nonce, mac_len=_TAG)
        cipher.update(associated)
        sealed, tag = cipher.encrypt_and_digest(plain)
        return nonce + sealed + tag

    def _open(self, associated: bytes, sealed: bytes) -> bytes:
        try:
            cipher = AES.new(self._master_key, AES.MODE_GCM, nonce=sealed[:_NONCE], mac_len=_TAG)
            cipher.update(associated)
            return cipher.decrypt_and_verify(sealed[_NONCE:-_TAG], sealed[-_TAG:])
        except ValueError:
            raise KeyStoreLocked(
                f"{self._path}: the master key does not open it, or it was altered"
            ) from None


class Unkept:
    """For a dry run: the keys of a key store, and new ones that nobody keeps."""

    def __init__(self, store: KeyStore | Unkept) -> None:
        self._store = store

    def find(self, scope: str) -> ContentKey | None:
        return self._store.find(scope)

    def for_scope(self, scope: str) -> ContentKey:
        return self.find(scope) or ContentKey(uuid4(), secrets.token_bytes(KEY_SIZE), scope, 0)


def _associated(kid: str, scope: str) -> bytes:
    return b"tonearm content key 1\0" + f"{kid}\0{scope}".encode()
