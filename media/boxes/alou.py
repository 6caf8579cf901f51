"""`alou`, Album Loudness Info (ISO/IEC 14496-12 §12.2.7): the loudness of the album the track is from."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.loudness_base import LoudnessBaseBox


@box
class AlouBox(LoudnessBaseBox):
    TYPE: ClassVar[bytes] = b"alou"
