"""The loudness that a header tells of its track (``ludt``, ISO/IEC 14496-12 §12.2.7)."""

from __future__ import annotations

from media.boxes import LudtBox, MoovBox, TlouBox, TrakBox, UdtaBox
from packager.loudness_box import PROGRAM_LOUDNESS, level


def program_loudness(moov: MoovBox) -> float | None:
    """Integrated loudness in LUFS, of the first measurement that is one; ``None`` where none is told."""
    trak = moov.find(TrakBox)
    udta = None if trak is None else trak.find(UdtaBox)
    ludt = None if udta is None else udta.find(LudtBox)
    for box in () if ludt is None else ludt.all(TlouBox):
        for measured in box.loudnesses:
            for each in measured.measurements:
                if each.method == PROGRAM_LOUDNESS:
                    return level(each.value)
    return None
