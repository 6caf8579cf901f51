"""`stsd`, Sample Descriptions (ISO/IEC 14496-12 §8.5.2)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import CountedContainerBox


@box
class StsdBox(CountedContainerBox):
    TYPE: ClassVar[bytes] = b"stsd"
