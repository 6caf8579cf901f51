"""`minf`, Media Information (ISO/IEC 14496-12 §8.4.4)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class MinfBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"minf"
