"""The two bit rates that a multivariant playlist must tell (RFC 8216bis §4.1, §4.4.6.2), from sizes and durations."""

from __future__ import annotations

from collections.abc import Sequence

from media.presentation import Segment


def bandwidths(segments: Sequence[Segment], sample_rate: int) -> tuple[int, int]:
    """Peak and average segment bit rate in bit/s, rounded up.

    The peak is that of the greediest run of segments that lasts between half and one and a half target durations; a
    song too short for any such run has its average as its peak.
    """
    target = max(1, *((2 * segment.duration + sample_rate) // (2 * sample_rate) for segment in segments))
    average = _rate(
        sum(segment.size for segment in segments), sum(segment.duration for segment in segments), sample_rate
    )
    peak = average
    for first in range(len(segments)):
        size = duration = 0
        for segment in segments[first:]:
            size, duration = size + segment.size, duration + segment.duration
            if 2 * duration > 3 * target * sample_rate:
                break
            if 2 * duration >= target * sample_rate:
                peak = max(peak, _rate(size, duration, sample_rate))
    return peak, average


def _rate(size: int, duration: int, sample_rate: int) -> int:
    return -(-8 * size * sample_rate // duration)
