"""Peak and average bit rates, against a slow and obvious way to find them."""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import hypothesis.strategies as st
from hypothesis import given

from media.presentation import Segment
from packager.bandwidth import bandwidths

RATE = 1000


def segments(*pairs: tuple[int, int]) -> list[Segment]:
    return [Segment("x", 0, duration, size) for duration, size in pairs]


@given(st.lists(st.tuples(st.integers(1, 9000), st.integers(1, 10**6)), min_size=1, max_size=12))
def test_the_peak_is_that_of_the_greediest_run(pairs: list[tuple[int, int]]) -> None:
    target = max(1, *(int(Fraction(duration, RATE) + Fraction(1, 2)) for duration, _ in pairs))
    average = Fraction(8 * RATE * sum(size for _, size in pairs), sum(duration for duration, _ in pairs))
    rates = [average]
    for first in range(len(pairs)):
        for last in range(first, len(pairs)):
            duration = sum(pair[0] for pair in pairs[first : last + 1])
            if Fraction(target, 2) <= Fraction(duration, RATE) <= Fraction(3 * target, 2):
                rates.append(Fraction(8 * RATE * sum(pair[1] for pair in pairs[first : last + 1]), duration))
    assert bandwidths(segments(*pairs), RATE) == (ceil(max(rates)), ceil(average))


def test_a_short_first_segment_does_not_set_the_peak_alone() -> None:
    # One second of 40 kbit among four-second segments of 80 kbit: too short to count, and 5 s together are 24 kbit/s.
    assert bandwidths(segments((1000, 5000), (4000, 10000), (4000, 10000)), RATE) == (24000, 22223)
