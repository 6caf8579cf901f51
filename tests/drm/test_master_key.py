"""The master key: made once, owner only, and refused in one clear line when it is none."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from drm.master_key import FILE, load_master_key
from media.errors import KeyStoreLocked

TEXT = "00112233445566778899aabbccddeeff" * 2


def test_it_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    key = load_master_key(home, None)
    assert len(key) == 32
    assert load_master_key(home, None) == key
    assert stat.S_IMODE((home / FILE).stat().st_mode) == 0o600
    assert [path.name for path in home.iterdir()] == [FILE]
    assert load_master_key(tmp_path / "other", None) != key


def test_those_who_race_get_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: load_master_key(tmp_path, None), range(32)))) == 1


def test_the_environment_wins_and_leaves_no_file(tmp_path: Path) -> None:
    assert load_master_key(tmp_path, TEXT) == bytes.fromhex(TEXT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["short", TEXT[:-1], TEXT + "00", "g" * 64])
def test_a_value_that_is_no_key_is_refused_and_not_repeated(tmp_path: Path, value: str) -> None:
    with pytest.raises(KeyStoreLocked, match="64 hexadecimal digits") as caught:
        load_master_key(tmp_path, value)
    assert value not in str(caught.value)
    (tmp_path / FILE).write_text(value)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(KeyStoreLocked, match=FILE) as caught:
        load_master_key(tmp_path, None)
    assert value not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    load_master_key(tmp_path, None)
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(KeyStoreLocked, match="chmod 600"):
        load_master_key(tmp_path, None)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(KeyStoreLocked, match=FILE):
        load_master_key(tmp_path, None)
