"""`dref`, Data References (ISO/IEC 14496-12 §8.7.2)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import CountedContainerBox


@box
class DrefBox(CountedContainerBox):
    TYPE: ClassVar[bytes] = b"dref"
