"""What a check has to say: manifests against their rules, a presentation against itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` names the rule (``HLS-12``), `place` the file, line or element, `text` what is wrong there, in one line.

    An error breaks a standard or a promise of ours; a warning is legal, but will bother some player.
    """

    rule: str
    severity: Severity
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text} [{self.rule}]"
