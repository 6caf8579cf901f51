"""Keys are exchanged in their file, while a server runs."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from media.errors import SettingsError, TokenInvalid
from origin.signing.watched import Watched
from origin.tokens import TokenKeys, sign, verify, watch_token_keys

SCOPE = "songs/a-song/0123456789abcdef/"


class Clock:
    def __init__(self) -> None:
        self.ms = 0

    def __call__(self) -> int:
        return self.ms


def replace(path: Path, text: str) -> None:
    """As a careful tool does: a new file in the place of the old one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.chmod(0o600)
    os.replace(new, path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    return path


def test_a_changed_file_counts_after_the_interval_and_not_before(file: Path) -> None:
    clock = Clock()
    watched = Watched(file, Path.read_text, clock=clock)
    assert watched.current() == "one"
    replace(file, "two")
    clock.ms = 999
    assert watched.current() == "one"
    clock.ms = 1000
    assert watched.current() == "two"


def test_an_unchanged_file_is_not_read_again(file: Path) -> None:
    clock, reads = Clock(), []

    def load(path: Path) -> str:
        reads.append(path)
        return path.read_text()

    watched = Watched(file, load, clock=clock)
    for clock.ms in range(0, 10_000, 500):
        watched.current()
    assert len(reads) == 1


@pytest.mark.parametrize("broken", ["unreadable", "gone"])
def test_what_cannot_be_used_leaves_what_was_there_and_is_said_once(
    file: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    def load(path: Path) -> str:
        text = path.read_text()
        if text == "unreadable":
            raise SettingsError(f"{path}: nonsense")
        return text

    clock = Clock()
    watched = Watched(file, load, clock=clock)
    file.unlink() if broken == "gone" else replace(file, broken)
    with caplog.at_level(logging.ERROR, "tonearm.error"):
        for clock.ms in (1000, 2000, 3000):
            assert watched.current() == "one"
    assert [str(file) in record.getMessage() for record in caplog.records] == [True]
    replace(file, "two")
    clock.ms = 4000
    assert watched.current() == "two"


def test_a_file_that_is_not_there_at_first_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Watched(tmp_path / "nothing", Path.read_text)


def test_token_keys_rotate_with_an_overlap_and_without_a_restart(
    tmp_path: Path,
) -> None:
    clock = Clock()
    ring = watch_token_keys(tmp_path, None, clock=clock)
    file = tmp_path / "token.key"
    first = sign(SCOPE, keys=ring, expires_ms=10)
    replace(file, f"k2:{'cd' * 32}\n{file.read_text()}")
    clock.ms = 1000
    second = sign(SCOPE, keys=ring, expires_ms=10)
    assert verify(first, SCOPE + "x", keys=ring, now_ms=0).key_id == "k1"
    assert verify(second, SCOPE + "x", keys=ring, now_ms=0).key_id == "k2"
    replace(file, f"k2:{'cd' * 32}\n")
    clock.ms = 2000
    with pytest.raises(TokenInvalid):
        verify(first, SCOPE + "x", keys=ring, now_ms=0)
    replace(file, "k3:ab")  # too short: what was read before stays in force
    clock.ms = 3000
    assert verify(second, SCOPE + "x", keys=ring, now_ms=0).key_id == "k2"


def test_keys_from_the_environment_never_change(tmp_path: Path) -> None:
    assert isinstance(watch_token_keys(tmp_path, f"e:{'ab' * 32}"), TokenKeys)
    assert not (tmp_path / "token.key").exists()
