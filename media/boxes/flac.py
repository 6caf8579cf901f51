"""`fLaC`, the sample entry of FLAC (Encapsulation of FLAC in ISO BMFF §3.3.1)."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import box


@box
class FlacBox(AudioSampleEntry):
    TYPE: ClassVar[bytes] = b"fLaC"
