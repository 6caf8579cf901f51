"""The fields of `tlou` and `alou`, their codes in the units that people know (ISO/IEC 23003-4)."""

from __future__ import annotations

from media.boxes import AlouBox, MeasuredLoudness, Measurement, TlouBox
from media.boxes.loudness_base import LoudnessBaseBox
from packager.inspect.scope import Scope, says
from packager.inspect.values import Field, field
from packager.loudness_box import LEVELS, LOUDNESS_RANGE, level, loudness_range, peak

_METHODS = {
    1: "program_loudness",
    2: "anchor_loudness",
    3: "maximum_of_loudness_range",
    4: "maximum_momentary_loudness",
    5: "maximum_short_term_loudness",
    6: "loudness_range",
    7: "mixing_level",
    8: "room_type",
    9: "short_term_loudness",
}
_SYSTEMS = {
    1: "EBU R 128",
    2: "ITU-R BS.1770-4",
    3: "ITU-R BS.1770-4 with pre-processing",
    4: "user",
    5: "expert",
    6: "ITU-R BS.1771-1",
}
_RELIABILITIES = {1: "reported, not verified", 2: "a ceiling", 3: "measured"}


@says(TlouBox, AlouBox)
def _loudness(box: LoudnessBaseBox, scope: Scope) -> list[Field]:
    return [each for loudness in box.loudnesses for each in _one(loudness)]


def _one(loudness: MeasuredLoudness) -> list[Field]:
    ids = (
        ("downmix_ID", loudness.downmix_id),
        ("DRC_set_ID", loudness.drc_set_id),
        ("EQ_set_ID", loudness.eq_set_id),
    )
    fields = [field(name, value) for name, value in ids if value]
    fields += [_measured(each) for each in loudness.measurements]
    sample_peak, true_peak = peak(loudness.sample_peak), peak(loudness.true_peak)
    if sample_peak is not None:
        fields.append(field("sample_peak", sample_peak, f"{sample_peak:.2f} dBFS"))
    if true_peak is not None:
        about = _about(loudness.system, loudness.reliability)
        fields.append(field("true_peak", true_peak, f"{true_peak:.2f} dBTP{about}"))
    return fields


def _measured(found: Measurement) -> Field:
    name = _METHODS.get(found.method, f"method_{found.method}")
    about = _about(found.system, found.reliability)
    if found.method in LEVELS:
        return field(name, level(found.value), f"{level(found.value):.2f} LUFS{about}")
    if found.method == LOUDNESS_RANGE:
        return field(name, loudness_range(found.value), f"{loudness_range(found.value):.2f} LU{about}")
    return field(name, found.value, f"code {found.value}{about}")


def _about(system: int, reliability: int) -> str:
    """By whom and how well, as far as it is told."""
    told = [
        names[code] for names, code in ((_SYSTEMS, system), (_RELIABILITIES, reliability)) if code in names
    ]
    return f" ({', '.join(told)})" if told else ""
