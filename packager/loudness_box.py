"""`Loudness` as an MP4 file carries it, in ``moov/trak/udta/ludt``, and the codes that are used there.

A player that knows the box turns songs to one loudness without decoding them first. Values are the codes of
ISO/IEC 23003-4: loudness in quarters of a LU, peaks in thirty-seconds of a dB. What a code has no place for (a song below
-57.75 LUFS) is left out rather than bent.
"""

from __future__ import annotations

from media.boxes import LudtBox, MeasuredLoudness, Measurement, TlouBox
from media.presentation import Loudness

# ISO/IEC 23003-4 §7.3, methodDefinition: what was measured
PROGRAM_LOUDNESS, ANCHOR, LOUDEST_OF_RANGE, MOMENTARY, SHORT_TERM, LOUDNESS_RANGE = range(1, 7)
LEVELS = (
    PROGRAM_LOUDNESS,
    ANCHOR,
    LOUDEST_OF_RANGE,
    MOMENTARY,
    SHORT_TERM,
)  # methods whose value is a loudness
EBU_R_128 = 1  # measurementSystem
MEASURED = 3  # reliability: measured, and accurate

_STEPS_PER_LU, _LOWEST_LUFS = 4, -57.75
_STEPS_PER_DB, _HIGHEST_PEAK = 32, 20  # dB; the code counts downwards, and 0 is no peak
# The loudness range: code, LU and steps in a LU from where on they hold
_RANGES = ((204, 70, 1), (128, 32, 2), (0, 0, 4))


def loudness_box(loudness: Loudness) -> LudtBox | None:
    """What EBU R 128 says of the track, for its `udta`; ``None`` when it says nothing that the box can hold."""
    measurements = [
        Measurement(method, code, EBU_R_128, MEASURED)
        for method, code in (
            (PROGRAM_LOUDNESS, _level_code(loudness.integrated_lufs)),
            (LOUDNESS_RANGE, _range_code(loudness.range_lu)),
        )
        if code is not None
    ]
    peak = _peak_code(loudness.true_peak_dbtp)
    if not measurements and not peak:
        return None
    told = (EBU_R_128, MEASURED) if peak else (0, 0)
    return LudtBox((TlouBox((MeasuredLoudness(tuple(measurements), 0, peak, *told),)),))


def level(code: int) -> float:
    """LUFS of the code of any of `LEVELS`."""
    return _LOWEST_LUFS + code / _STEPS_PER_LU


def loudness_range(code: int) -> float:
    """LU of the code of `LOUDNESS_RANGE`."""
    first, lowest, steps = next(row for row in _RANGES if code >= row[0])
    return lowest + (code - first) / steps


def peak(code: int) -> float | None:
    """dBFS of a sample peak's code, dBTP of a true peak's; ``None`` where there is none."""
    return _HIGHEST_PEAK - code / _STEPS_PER_DB if code else None


def _level_code(lufs: float | None) -> int | None:
    code = -1 if lufs is None else round((lufs - _LOWEST_LUFS) * _STEPS_PER_LU)
    return code if 0 <= code <= 0xFF else None


def _range_code(lu: float | None) -> int | None:
    if lu is None or lu < 0:
        return None
    first, lowest, steps = next(row for row in _RANGES if lu >= row[1])
    code = first + round((lu - lowest) * steps)
    return code if code <= 0xFF else None


def _peak_code(dbtp: float | None) -> int:
    code = 0 if dbtp is None else round((_HIGHEST_PEAK - dbtp) * _STEPS_PER_DB)
    return code if 0 < code <= 0xFFF else 0
