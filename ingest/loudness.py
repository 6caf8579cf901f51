"""Loudness by EBU R 128, as ffmpeg's ``ebur128`` filter sums it up when the programme ends.

[Parsed_ebur128_0] [info] Summary:

  Integrated loudness:
    I:         -18.3 LUFS
    Threshold: -29.1 LUFS

  Loudness range:
    LRA:         6.6 LU
    Threshold: -38.8 LUFS
  …
  Sample peak:
    Peak:       -6.3 dBFS

  True peak:
    Peak:       -6.3 dBFS
"""

from __future__ import annotations

import re

from media.errors import TranscodeFailed
from media.presentation import Loudness


def parse_summary(stderr: str) -> Loudness:
    """The last summary in ffmpeg's standard error. Raises `TranscodeFailed` when there is none.

    ``None`` where the meter has no answer: it needs 400 ms above −70 LUFS for the loudness and 3 s for the range,
    and silence has no peak.
    """
    _, _, summary = stderr.rpartition("Summary:")
    integrated, gate = _value(summary, "I"), _value(summary, "Threshold")
    _, _, below = summary.partition("Loudness range:")
    spread, spread_gate = _value(below, "LRA"), _value(below, "Threshold")
    peaks = [_value(below.partition(kind)[2], "Peak") for kind in ("Sample peak:", "True peak:")]
    # A gate of exactly 0.0 is the filter's way to say that no block ever passed it.
    return Loudness(
        integrated_lufs=integrated if gate else None,
        range_lu=spread if spread_gate else None,
        # A very short programme ends inside the oversampling filter: then the sample peak is the higher one.
        true_peak_dbtp=max((peak for peak in peaks if peak is not None), default=None),
    )


def _value(text: str, label: str) -> float | None:
    """The first number behind `label`; ``None`` for minus infinity."""
    match = re.search(rf"\b{label}:\s+(-?(?:\d+\.\d+|inf))", text)
    if match is None:
        raise TranscodeFailed(f"ffmpeg: no {label} in what the loudness meter said")
    return None if match[1].endswith("inf") else float(match[1])
