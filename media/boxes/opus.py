"""`Opus`, the sample entry of Opus (Encapsulation of Opus in ISO BMFF §4.3.1)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import box


@box
class OpusBox(AudioSampleEntry):
    TYPE: ClassVar[bytes] = b"Opus"
