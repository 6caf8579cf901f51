"""`styp`, Segment Type (ISO/IEC 14496-12 §8.16.2): `ftyp` at the head of a segment."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.ftyp import FtypBox


@box
class StypBox(FtypBox):
    TYPE: ClassVar[bytes] = b"styp"
