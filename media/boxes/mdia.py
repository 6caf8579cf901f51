"""`mdia`, Media (ISO/IEC 14496-12 §8.4.1)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class MdiaBox(ContainerBox):
    TYPE: ClassVar[bytes] = b"mdia"
