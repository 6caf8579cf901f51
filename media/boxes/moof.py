"""`moof`, Movie Fragment (ISO/IEC 14496-12 §8.8.4)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class MoofBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"moof"
