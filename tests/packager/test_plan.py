"""The segment plan, for songs of every length and codecs of every unit, alone and together."""

from __future__ import annotations

from itertools import pairwise
from math import lcm

import hypothesis.strategies as st
import pytest
from hypothesis import assume, example, given

from media.errors import FormatError
from packager.plan import Grid, common_grid, plan_segments, units_needed

AAC, OPUS, FLAC = (1024, 1024), (312, 960), (0, 4096)  # priming and unit
SHAPES = st.tuples(st.integers(0, 5000), st.sampled_from((120, 960, 1024, 2048, 4096)))


@example(samples=2205, shapes=[AAC], first=44100, target=176400)
@example(samples=421, shapes=[(720, 120)], first=8, target=800)
@example(samples=1, shapes=[(2112, 1024)], first=44, target=44)
@example(samples=44100 * 318, shapes=[AAC], first=35000, target=176400)
@given(
    samples=st.integers(1, 3_000_000),
    shapes=st.lists(SHAPES, min_size=1, max_size=2),
    first=st.integers(1, 200_000),
    target=st.integers(1, 500_000),
)
def test_a_plan_covers_the_song_exactly(
    samples: int, shapes: list[tuple[int, int]], first: int, target: int
) -> None:
    try:
        grid = common_grid(shapes)
    except FormatError:
        assume(False)
    plan = plan_segments(samples, grid=grid, first=first, target=target)

    # Every sample once, in order, and every cut between two units of every rendition.
    assert plan[0].start == 0
    assert plan[-1].end == samples
    assert min(piece.duration for piece in plan) > 0
    for before, after in pairwise(plan):
        assert before.end == after.start
        assert all((after.start + priming) % unit == 0 for priming, unit in shapes)

    # The first is no longer than asked (a step at least), unless what would follow is shorter than half of it.
    most = max(first, grid.first)
    assert plan[0].duration <= most or (len(plan) == 1 and 2 * samples < 3 * most)
    # No other is longer than the target (a step at least), nor more than twice as long as the one before.
    longest = max(1, target // grid.step) * grid.step
    for before, after in pairwise(plan):
        assert after.duration <= min(longest, max(2 * before.duration, grid.step))
    # Nor a sliver: where the lengths no longer grow, they differ by a step at most.
    if len(plan) > 1:
        assert 2 * (plan[-1].duration + grid.step) > min(plan[-2].duration, longest)


def test_a_song_of_five_minutes_grows_to_the_full_length_in_three_steps() -> None:
    plan = plan_segments(44100 * 318, grid=common_grid([AAC]), first=35_000, target=176_400)
    lengths = [piece.duration for piece in plan]
    assert lengths[:3] == [34_816, 69_632, 139_264]
    assert len(lengths) == 82
    assert max(lengths[3:-1]) - min(lengths[3:-1]) <= 1024
    assert 0 <= min(lengths[3:-1]) - lengths[-1] < 1024


@given(samples=st.integers(1, 300_000), first=st.integers(1, 5_000), least=st.integers(1, 9_000))
def test_no_last_segment_is_shorter_than_the_least(samples: int, first: int, least: int) -> None:
    plan = plan_segments(samples, grid=common_grid([AAC]), first=first, target=2_048, least=least)
    assert plan[-1].end == samples
    assert len(plan) == 1 or plan[-1].duration >= least


def test_a_blip_is_one_segment() -> None:
    (only,) = plan_segments(2205, grid=common_grid([AAC]), first=44_100, target=176_400)
    assert (only.start, only.duration) == (0, 2205)


@given(one=SHAPES, other=SHAPES)
def test_the_grid_is_all_that_renditions_share(one: tuple[int, int], other: tuple[int, int]) -> None:
    step = lcm(one[1], other[1])
    cuts = [
        {*range(-priming % unit or unit, step + 1, unit)} for priming, unit in (one, other)
    ]  # of the first step, 0 apart
    shared = sorted(cuts[0] & cuts[1])
    if shared:
        assert [common_grid([one, other]).first] == shared
        assert common_grid([one, other]).step == step
    else:
        with pytest.raises(FormatError, match="never begin where"):
            common_grid([one, other])


def test_aac_and_flac_share_every_block_and_aac_and_opus_nothing() -> None:
    assert common_grid([AAC, FLAC]) == Grid(4096, 4096)
    assert common_grid([AAC]) == Grid(1024, 1024)
    assert common_grid([OPUS]) == Grid(648, 960)
    with pytest.raises(FormatError, match="units of 960 samples behind 312 of priming"):
        common_grid([AAC, OPUS])


@pytest.mark.parametrize(
    ("samples", "priming", "units"), [(1024, 0, 1), (1024, 1024, 2), (1025, 1024, 3), (1, 0, 1)]
)
def test_the_units_that_hold_a_song(samples: int, priming: int, units: int) -> None:
    assert units_needed(samples, priming=priming, samples_per_unit=1024) == units


@pytest.mark.parametrize("wrong", [{"samples": 0}, {"first": 0}, {"target": -1}])
def test_lengths_that_are_none(wrong: dict[str, int]) -> None:
    settings = {"samples": 44100, "first": 44100, "target": 176_400} | wrong
    with pytest.raises(ValueError, match="above zero"):
        plan_segments(settings.pop("samples"), grid=Grid(1024, 1024), **settings)
