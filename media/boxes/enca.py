"""`enca`, protected audio (ISO/IEC 14496-12 §8.12): `sinf` says what it was and how to open it."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import box


@box
class EncaBox(AudioSampleEntry):
    TYPE: ClassVar[bytes] = b"enca"
