"""The key that signed all stream tokens is gone, from one second to the next: every token that is out there is refused."""

from __future__ import annotations

import secrets
from pathlib import Path

from edge_sim.crowd.chaos.stage import Stage


class KeysExpired:
    what = "token.key is replaced by another one; all tokens out there are refused"

    async def begin(self, stage: Stage) -> None:
        path: Path = stage.home / "token.key"
        new = path.with_suffix(".new")
        new.touch(mode=0o600)
        new.write_text(f"k{secrets.token_hex(4)}:{secrets.token_hex(32)}\n")
        new.replace(path)

    async def end(self, stage: Stage) -> None:
        """The new key stays: listeners have to ask for grants that it signed."""
