"""`edts`, Edit (ISO/IEC 14496-12 §8.6.5)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class EdtsBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"edts"
