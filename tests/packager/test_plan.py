"""The segment plan, for songs of every length and codecs of every unit."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import example, given

from packager.plan import plan_segments, units_needed

RATES = (8000, 22050, 44100, 48000, 96000)


@example(samples=2205, rate=44100, priming=1024, unit=1024, first_ms=1000, target_ms=4000)
@example(samples=421, rate=8000, priming=720, unit=120, first_ms=1, target_ms=100)
@example(samples=1, rate=44100, priming=2112, unit=1024, first_ms=1, target_ms=1)
@example(samples=44100 * 318, rate=44100, priming=1024, unit=1024, first_ms=1000, target_ms=4000)
@given(
    samples=st.integers(1, 3_000_000),
    rate=st.sampled_from(RATES),
    priming=st.integers(0, 5000),
    unit=st.sampled_from((120, 960, 1024, 2048, 4096)),
    first_ms=st.integers(1, 4000),
    target_ms=st.integers(100, 12000),
)
def test_a_plan_covers_the_song_exactly(
    samples: int, rate: int, priming: int, unit: int, first_ms: int, target_ms: int
) -> None:
    plan = plan_segments(
        samples,
        sample_rate=rate,
        priming=priming,
        samples_per_unit=unit,
        first_ms=first_ms,
        target_ms=target_ms,
    )
    # Every unit once, in order, and every sample once.
    assert plan[0].start_unit == 0
    assert plan[0].start == 0
    for before, after in pairwise(plan):
        assert before.stop_unit == after.start_unit
        assert before.start + before.duration == after.start == after.start_unit * unit - priming
    assert plan[-1].stop_unit == units_needed(samples, priming=priming, samples_per_unit=unit)
    assert plan[-1].start + plan[-1].duration == samples
    assert min(piece.duration for piece in plan) > 0

    # No segment behind the first is longer than the target (a unit at least), nor a sliver.
    target = max(unit, rate * target_ms // 1000)
    sizes = [piece.stop_unit - piece.start_unit for piece in plan]
    assert all(size * unit <= target for size in sizes[1:])
    assert max(sizes[1:], default=0) - min(sizes[1:], default=0) <= 1
    if len(plan) > 2:
        assert min(sizes[1:]) * unit * 2 > target - 2 * unit
    if len(plan) == 2:
        assert sizes[1] * unit * 2 >= plan[0].duration
    # Two lengths at most, each in one run.
    assert sum(before != after for before, after in pairwise(sizes[1:])) <= 1
    # The first is as short as asked, or takes a rest along that is shorter than half of it.
    asked = max(rate * first_ms // 1000, unit)
    assert plan[0].duration <= (asked if len(plan) > 1 else asked * 1.5)


@example(samples=44100 + 20000)
@given(samples=st.integers(1, 44100 + 20000))
def test_a_short_song_is_one_segment(samples: int) -> None:
    (only,) = plan_segments(
        samples, sample_rate=44100, priming=1024, samples_per_unit=1024, first_ms=1000, target_ms=4000
    )
    assert (only.start, only.duration) == (0, samples)


def test_a_song_of_five_minutes() -> None:
    plan = plan_segments(
        44100 * 300, sample_rate=44100, priming=1024, samples_per_unit=1024, first_ms=1000, target_ms=4000
    )
    assert plan[0].duration == 43 * 1024  # 0.998 s: the last edge before one second
    assert {piece.stop_unit - piece.start_unit for piece in plan[1:]} == {171, 172}
    assert len(plan) == 76


@pytest.mark.parametrize(
    "wrong", [{"samples": 0}, {"priming": -1}, {"sample_rate": 0}, {"first_ms": 0}, {"target_ms": 0}]
)
def test_what_is_no_song_has_no_plan(wrong: dict[str, int]) -> None:
    settings = {
        "samples": 1000,
        "sample_rate": 44100,
        "priming": 1024,
        "samples_per_unit": 1024,
        "first_ms": 1000,
        "target_ms": 4000,
    } | wrong
    with pytest.raises(ValueError, match="segment plan"):
        plan_segments(settings.pop("samples"), **settings)
