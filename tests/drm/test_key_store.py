"""The key store: sealed at rest, one key for one scope whatever races, and closed to the wrong master key."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from pathlib import Path
from uuid import UUID

import pytest

from drm.key_store import FILE, KeyStore
from drm.keys import ContentKey
from media.errors import ContentKeyError, KeyMissing, KeyStoreLocked

MASTER = bytes(range(32))
KID = UUID("00112233-4455-4677-8899-aabbccddeeff")
KEY = b"sixteen bytes ok"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", MASTER, now_ms=lambda: 1_700_000_000_000)


def test_a_scope_has_one_key_for_ever(store: KeyStore, tmp_path: Path) -> None:
    assert store.find("song.a") is None
    key = store.for_scope("song.a")
    assert (key.scope, key.created_ms, key.kid.version, len(key.key)) == ("song.a", 1_700_000_000_000, 4, 16)
    again = KeyStore(tmp_path / "keys", MASTER)
    assert again.for_scope("song.a") == again.find("song.a") == again.get(key.kid) == key
    other = store.for_scope("song.b")
    assert other.kid != key.kid
    assert other.key != key.key
    assert sorted(store.list(), key=lambda each: each.scope) == [key, other]


def test_a_missing_key_is_named(store: KeyStore) -> None:
    with pytest.raises(KeyMissing, match=str(KID)):
        store.get(KID)


def test_a_key_from_elsewhere(store: KeyStore) -> None:
    assert store.add(KID, KEY, "imported") == store.add(KID, KEY, "imported") == store.get(KID)
    with pytest.raises(ContentKeyError, match="already"):
        store.add(KID, bytes(16), "imported")
    with pytest.raises(ContentKeyError, match="already"):
        store.add(KID, KEY, "another scope")
    with pytest.raises(ContentKeyError, match="already"):
        store.add(UUID(int=1), KEY, "imported")
    with pytest.raises(ValueError, match="16 bytes"):
        store.add(UUID(int=2), b"short", "fresh")


def test_nothing_in_the_file_or_a_repr_is_a_key(store: KeyStore, tmp_path: Path) -> None:
    key = store.add(KID, KEY, "imported")
    assert KEY not in b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())
    assert repr(KEY) not in repr(key)
    assert KEY.hex() not in repr(key)
    assert "sixteen" not in repr(store)


def test_only_the_owner_may_read_it(store: KeyStore, tmp_path: Path) -> None:
    store.for_scope("song")
    for path in (tmp_path / "keys", *(tmp_path / "keys").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_wrong_master_key_opens_nothing(store: KeyStore, tmp_path: Path) -> None:
    with pytest.raises(KeyStoreLocked, match="master key") as caught:
        KeyStore(tmp_path / "keys", bytes(32))
    assert "\n" not in str(caught.value)
    assert FILE in str(caught.value)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE content_key SET scope = 'other' WHERE scope = 'a'",
        "UPDATE content_key SET sealed = (SELECT sealed FROM content_key WHERE scope = 'b') WHERE scope = 'a'",
        "UPDATE content_key SET sealed = x'00' WHERE scope = 'a'",
        "UPDATE content_key SET sealed = x'' WHERE scope = 'a'",
    ],
)
def test_an_altered_row_does_not_open(store: KeyStore, tmp_path: Path, tampering: str) -> None:
    key = store.for_scope("a")
    store.for_scope("b")
    connection = sqlite3.connect(tmp_path / "keys" / FILE)
    with connection:
        connection.execute(tampering)
    connection.close()
    with pytest.raises(KeyStoreLocked, match="altered"):
        store.get(key.kid)


def test_a_file_that_is_no_key_store(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all, but long enough to be looked at closely" * 20)
    with pytest.raises(ContentKeyError, match=FILE):
        KeyStore(tmp_path, MASTER)
    (tmp_path / "file").write_text("")
    with pytest.raises(ContentKeyError, match="file"):
        KeyStore(tmp_path / "file", MASTER)


def _race(
    folder: Path,
    barrier: multiprocessing.synchronize.Barrier,
    results: multiprocessing.Queue[list[ContentKey]],
) -> None:
    barrier.wait(30)
    store = KeyStore(folder, MASTER)
    results.put([store.for_scope(f"song.{number}") for number in range(20)])


def test_processes_that_race_get_the_same_keys(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(3), context.Queue()
    racers = [context.Process(target=_race, args=(tmp_path / "keys", barrier, results)) for _ in range(3)]
    for racer in racers:
        racer.start()
    outcomes = [results.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join(30)
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len(KeyStore(tmp_path / "keys", MASTER).list()) == 20
