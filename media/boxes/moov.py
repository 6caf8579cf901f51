"""`moov`, Movie (ISO/IEC 14496-12 §8.2.1)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class MoovBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"moov"
