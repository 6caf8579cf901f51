"""`ludt`, Loudness (ISO/IEC 14496-12 §12.2.7): what meters said of the track, and of the album it is from."""

from __future__ import annotations

from typing import ClassVar

from media.boxes.base import box
from media.boxes.container import ContainerBox


@box
class LudtBox(ContainerBox):
    """Holds `tlou` and `alou`, any number of each."""

    TYPE: ClassVar[bytes] = b"ludt"
