"""A content key: the AES-128 key of a presentation and the identifier that the world may know it by."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

KEY_SIZE = 16  # bytes: AES-128, the only cipher of ISO/IEC 23001-7


@dataclass(frozen=True, slots=True)
class ContentKey:
    """`scope` says what the key is for, `created_ms` is Unix time. The key itself never shows in a repr or a log."""

    kid: UUID
    key: bytes = field(repr=False)
    scope: str
    created_ms: int

    def __post_init__(self) -> None:
        if len(self.key) != KEY_SIZE:
            raise ValueError(f"a content key has {KEY_SIZE} bytes, this one {len(self.key)}")
