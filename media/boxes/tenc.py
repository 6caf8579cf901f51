"""`tenc`, Track Encryption (ISO/IEC 23001-7 §8.2)."""

from __future__ import annotations

import struct
from typing import ClassVar, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader


@box
class TencBox(FullBox):
    """The track's defaults: whether samples are protected, the size of their IVs in bytes, the KID (16 bytes).

    Version 1 adds the pattern, in blocks of 16 bytes. With an IV size of 0 every protected sample uses
    `constant_iv` (8 or 16 bytes).
    """

    TYPE: ClassVar[bytes] = b"tenc"
    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    kid: bytes
    iv_size: int
    constant_iv: bytes = b""
    protected: int = 1
    crypt_blocks: int = 0
    skip_blocks: int = 0

    def __post_init__(self) -> None:
        if len(self.kid) != 16:
            raise ValueError("a KID is 16 bytes")
        if self.constant_iv and not self._constant:
            raise ValueError("a constant IV goes with protected samples that have none of their own")

    @property
    def _constant(self) -> bool:
        return self.protected == 1 and self.iv_size == 0

    def fields(self) -> bytes:
        pattern = self.crypt_blocks << 4 | self.skip_blocks
        head = struct.pack(">xBBB16s", pattern, self.protected, self.iv_size, self.kid)
        return head + bytes((len(self.constant_iv),)) + self.constant_iv if self._constant else head

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        reader.take(1)
        pattern, protected, iv_size, kid = reader.uint(1), reader.uint(1), reader.uint(1), reader.blob(16)
        constant_iv = reader.blob(reader.uint(1)) if protected == 1 and iv_size == 0 else b""
        return cls(
            kid, iv_size, constant_iv, protected, pattern >> 4, pattern & 15, version=version, flags=flags
        )
