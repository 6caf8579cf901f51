"""`schi`, Scheme Information (ISO/IEC 14496-12 §8.12.6)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class SchiBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"schi"
