"""`tlou`, Track Loudness Info (ISO/IEC 14496-12 §12.2.7): the loudness of the track."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.loudness_base import LoudnessBaseBox


@box
class TlouBox(LoudnessBaseBox):
    TYPE: ClassVar[bytes] = b"tlou"
