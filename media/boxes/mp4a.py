"""`mp4a`, MPEG-4 audio (ISO/IEC 14496-14 §6.7): its first child is `esds`."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import box


@box
class Mp4aBox(AudioSampleEntry):
    TYPE: ClassVar[bytes] = b"mp4a"
