"""What every kind of manifest comes down to: the two or three objects that the first sound is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class KeyAddress:
    """Where the content key is: 16 raw bytes (``raw``), or a ClearKey licence server. `kid` when the manifest says it."""

    kind: Literal["raw", "licence"]
    url: str
    kid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entrance:
    """Absolute addresses. `iv` is set where whole segments are encrypted (HLS AES-128)."""

    init: str
    segment: str
    key: KeyAddress | None = None
    iv: bytes = b""


def file_name(url: str) -> str:
    """How errors name a manifest."""
    return url.partition("?")[0].rpartition("/")[2]
