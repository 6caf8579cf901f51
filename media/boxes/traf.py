"""`traf`, Track Fragment (ISO/IEC 14496-12 §8.8.6)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class TrafBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"traf"
