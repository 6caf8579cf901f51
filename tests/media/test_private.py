"""Folders and files for their owner alone, whatever the umask; and that everything below TONEARM_HOME is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from control_api.database import default_url
from control_api.sessions import load_session_key
from drm.key_store import KeyStore, load_master_key
from media.private import private_file, private_folder
from origin.tokens import load_token_keys


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_every_missing_folder_is_private_and_what_is_there_stays(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir(mode=0o755)
    made = private_folder(there / "a" / "b")
    assert [mode(each) for each in (there, made.parent, made)] == [0o755, 0o700, 0o700]
    assert private_folder(made) == made


def test_a_private_file_keeps_what_it_holds(tmp_path: Path) -> None:
    path = private_file(tmp_path / "x")
    assert mode(path) == 0o600
    path.write_text("kept")
    assert private_file(path).read_text() == "kept"


@pytest.mark.parametrize(
    "first",
    [
        default_url,
        load_session_key,
        lambda home: load_token_keys(home, None),
        lambda home: load_master_key(home, None),
        lambda home: KeyStore(home / "keys", bytes(32)),
    ],
)
def test_the_home_is_private_whatever_is_made_first(tmp_path: Path, first: object) -> None:
    assert callable(first)
    home = tmp_path / "share" / "tonearm"
    first(home)
    assert mode(home) == mode(home.parent) == 0o700
    assert all(mode(path) & 0o077 == 0 for path in home.rglob("*"))
