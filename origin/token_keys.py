"""The keys that sign stream tokens: in a file of their owner's alone, exchanged with an overlap and without a restart.

    k2:8f…         the first one signs
    k1:03…         the others still verify: take the line out when their last token has expired

To exchange a key, put a new line on top of ``token.key``. Every server that reads the file signs with it within a second; where
several machines have copies, give it to all of them as a second line first, and let it move up when all have it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from media.errors import SettingsError
from media.private import private_folder
from origin.signing.watched import Watched, monotonic_ms

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,16}", re.ASCII)


class Keyring(Protocol):
    """Keys that may change while a server runs."""

    def current(self) -> TokenKeys: ...


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """Signing keys by id, each at least 32 bytes. `active` signs; all verify, so that keys can be rotated."""

    keys: Mapping[str, bytes] = field(repr=False)
    active: str

    def current(self) -> TokenKeys:
        """These: they never change."""
        return self

    def __post_init__(self) -> None:
        if self.active not in self.keys:
            raise ValueError(f"no token key {self.active!r}")
        for key_id, key in self.keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) < 32:
                raise ValueError(f"token key {key_id!r}: an id is 1 to 16 of A-Z a-z 0-9 _ -, a key 32 bytes")


def load_token_keys(home: Path, from_environment: str | None) -> TokenKeys:
    """The keys of this installation: `from_environment`, else ``token.key`` in `home`, created on first use.

    Both hold ``id:hex`` items between commas, spaces or lines; the first one signs, the others still verify. Raises
    `SettingsError` when that is not so, or when others than the owner may read the file.
    """
    if from_environment:
        return _parse(from_environment, "token keys from the environment")
    path = home / "token.key"
    if not path.exists():
        _create(path, f"k1:{secrets.token_hex(32)}\n")
    return _read(path)


def watch_token_keys(
    home: Path, from_environment: str | None, *, clock: Callable[[], int] = monotonic_ms
) -> Keyring:
    """The same for a server: keys that are changed in the file count within a second. Raises as `load_token_keys`."""
    found = load_token_keys(home, from_environment)
    return found if from_environment else Watched(home / "token.key", _read, clock=clock)


def _read(path: Path) -> TokenKeys:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise SettingsError(f"{path}: permissions {mode:04o}, but a token key is for its owner alone (0600)")
    return _parse(path.read_text("ascii", "replace"), str(path))


def _parse(text: str, source: str) -> TokenKeys:
    keys: dict[str, bytes] = {}
    try:
        for item in re.split(r"[\s,]+", text.strip()):
            key_id, _, value = item.partition(":")
            if key_id in keys:
                raise ValueError(f"two keys are called {key_id!r}")
            keys[key_id] = bytes.fromhex(value)
        return TokenKeys(keys, active=next(iter(keys)))
    except ValueError:
        # The reason might quote a key: say only what is expected.
        raise SettingsError(
            f"{source}: expected id:hex items, each key 32 bytes or more, ids unique"
        ) from None


def _create(path: Path, text: str) -> None:
    """Write `text` for the owner alone; when another process was faster, its file stays."""
    temporary = private_folder(path.parent) / f".{path.name}.{secrets.token_hex(8)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
