"""`alac`, the sample entry of Apple Lossless. Known so that it can be named: no browser plays it.

The decoder's configuration inside is a box of the same type, which is why the boxes in here are kept as they are.
"""

from __future__ import annotations

from typing import ClassVar

from media.boxes.audio_sample_entry import AudioSampleEntry
from media.boxes.base import Box, box, keep_boxes
from media.boxes.reader import Reader


@box
class AlacBox(AudioSampleEntry):
    TYPE: ClassVar[bytes] = b"alac"

    @classmethod
    def read_children(cls, reader: Reader) -> tuple[Box, ...]:
        return tuple(keep_boxes(reader))
