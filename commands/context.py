"""What every command gets as ``ctx.obj``: where things lie, and how to open what needs a secret.

`cli` builds it, and is the only reader of the environment; commands take what they need from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from drm.key_store import KeyStore
    from ingest.ffmpeg import Ffmpeg
    from origin.tokens import Keyring


@dataclass
class Context:
    """`home` is TONEARM_HOME; the two secrets come from the environment or lie in files of mode 0600 below it."""

    home: Path
    ffmpeg_override: str | None = None
    config: Path | None = None
    master_key: str | None = field(default=None, repr=False)
    token_key: str | None = field(default=None, repr=False)

    @cached_property
    def console(self) -> Console:
        """The terminal for people: standard error, so that standard output stays for ``--json`` and pipes."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def key_store(self) -> KeyStore:
        from drm.key_store import KeyStore, load_master_key

        return KeyStore(self.home / "keys", load_master_key(self.home, self.master_key))

    def token_keys(self) -> Keyring:
        from origin.tokens import watch_token_keys

        return watch_token_keys(self.home, self.token_key)

    def ffmpeg(self) -> Ffmpeg:
        from ingest.ffmpeg import find_ffmpeg

        return find_ffmpeg(self.ffmpeg_override)
