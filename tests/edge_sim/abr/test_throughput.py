"""Rate-based choices: by hand, as properties, and beside web/player/abr.js on the same transfers."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.abr import Situation
from edge_sim.abr.throughput import DASH_JS, HLS_JS, OURS, Throughput, fitting

LADDER = (24_000, 96_000, 160_000, 320_000)
ABR_JS = Path(__file__).parents[3] / "web/player/abr.js"


def on_a_link(bits_per_second: int, profile=OURS) -> Throughput:
    """One that has seen ten minutes of transfers at this rate."""
    abr = Throughput(profile)
    for _ in range(60):
        abr.measured(bits_per_second * 10 // 8, 10_000)
    return abr


def test_nothing_is_known_before_a_transfer():
    abr = Throughput()
    assert abr.estimate is None
    assert abr.choose(LADDER, Situation(0, None, 2)) == 2
    assert abr.choose(LADDER, Situation(20_000, 1, 2)) == 1


@pytest.mark.parametrize(
    ("profile", "link", "ahead_ms", "current", "chosen"),
    [
        (OURS, 500_000, 6000, 1, 3),  # 350 kbit/s may be asked for
        (OURS, 500_000, 5999, 1, 1),  # but not with so little in hand
        (OURS, 330_000, 10_000, 3, 3),  # what is there fits the bare link
        (OURS, 330_000, 2999, 3, 2),  # unless there is haste
        (OURS, 20_000, 10_000, 3, 0),  # nothing fits: the lowest
        (HLS_JS, 400_000, 0, 1, 2),
        (HLS_JS, 460_000, 0, 1, 3),
        (HLS_JS, 337_000, 0, 3, 3),
        (HLS_JS, 336_000, 0, 3, 2),
        (DASH_JS, 356_000, 0, 0, 3),
        (DASH_JS, 355_000, 0, 0, 2),
    ],
)
def test_choices_by_hand(profile, link, ahead_ms, current, chosen):
    assert on_a_link(link, profile).choose(LADDER, Situation(ahead_ms, current, 1)) == chosen


@pytest.mark.parametrize("profile", [OURS, HLS_JS, DASH_JS])
def test_half_of_the_fast_mean_is_from_one_half_life(profile):
    """A link of 8 Mbit/s that has long been there becomes 4: after one half-life the fast mean is half way down."""
    abr = on_a_link(8_000_000, profile)
    abr.measured(500_000 * profile.half_lives_ms[0] // 1000, profile.half_lives_ms[0])
    assert abr.estimate == pytest.approx(6_000_000, rel=1e-3)


@pytest.mark.parametrize("profile", [OURS, HLS_JS, DASH_JS])
def test_it_falls_sooner_than_it_rises(profile):
    falling, rising = on_a_link(4_000_000, profile), on_a_link(1_000_000, profile)
    for _ in range(4):
        falling.measured(125_000, 1000)
        rising.measured(500_000, 1000)
    assert 4_000_000 - falling.estimate > rising.estimate - 1_000_000 > 0


def test_small_answers_and_answers_out_of_a_cache_say_little():
    abr = on_a_link(1_000_000)
    abr.measured(4095, 1)
    assert abr.estimate == 1_000_000
    abr.measured(80_000, 0)  # 128 Mbit/s, for five milliseconds
    assert abr.estimate < 1_100_000


transfers = st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 30_000)), max_size=20)
situations = st.builds(
    Situation, st.integers(0, 40_000), st.none() | st.integers(0, len(LADDER) - 1), st.integers(0, 3)
)


@given(st.sampled_from([OURS, HLS_JS, DASH_JS]), transfers, situations)
def test_it_never_climbs_above_what_fits(profile, seen, situation):
    abr = Throughput(profile)
    for size, took_ms in seen:
        abr.measured(size, took_ms)
    chosen = abr.choose(LADDER, situation)
    stay = situation.start if situation.current is None else situation.current
    if abr.estimate is None:
        assert chosen == stay
    elif chosen > stay:
        assert LADDER[chosen] * 1000 <= abr.estimate * profile.climb
    elif chosen:
        assert LADDER[chosen] * 1000 <= abr.estimate * 1000


@given(st.sampled_from([OURS, HLS_JS, DASH_JS]), transfers)
def test_the_estimate_lies_within_what_was_measured(profile, seen):
    abr = Throughput(profile)
    rates = []
    for size, took_ms in seen:
        abr.measured(size, took_ms)
        if size >= profile.fewest_bytes:
            rates.append(size * 8000 / max(took_ms, profile.shortest_ms))
    if rates:
        assert min(rates) * (1 - 1e-9) - 1 <= abr.estimate <= max(rates) * (1 + 1e-9) + 1
    else:
        assert abr.estimate is None


def test_the_page_chooses_the_same(tmp_path):
    """A thousand listeners' transfers and situations: the page's module, run by node, and `OURS` decide alike."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run web/player/abr.js with")
    chance = random.Random(7)
    cases = [
        {
            "transfers": [
                [chance.randrange(300_000), chance.randrange(8000)] for _ in range(chance.randrange(12))
            ],
            "ahead_ms": chance.randrange(12_000),
            "current": chance.choice([None, 0, 1, 2, 3]),
            "start": chance.randrange(4),
        }
        for _ in range(1000)
    ]
    (tmp_path / "abr.mjs").write_text(ABR_JS.read_text())
    (tmp_path / "run.mjs").write_text(
        """
        import { readFileSync } from "node:fs";
        import { Throughput, choose } from "./abr.mjs";
        const ladder = [24000, 96000, 160000, 320000].map((bandwidth, n) => ({ name: `${n}`, bandwidth }));
        console.log(JSON.stringify(JSON.parse(readFileSync(0)).map((each) => {
          const link = new Throughput();
          for (const [size, ms] of each.transfers) link.add(size, ms);
          const current = each.current === null ? null : `${each.current}`;
          const situation = { estimate: link.bitsPerSecond, ahead: each.ahead_ms / 1000, current, start: `${each.start}` };
          return [Math.floor(link.bitsPerSecond ?? -1), Number(choose(ladder, situation))];
        })));
        """
    )
    done = subprocess.run(
        [node, tmp_path / "run.mjs"], input=json.dumps(cases), capture_output=True, text=True, check=True
    )
    for case, (estimate, chosen) in zip(cases, json.loads(done.stdout), strict=True):
        abr = Throughput(OURS)
        for size, took_ms in case["transfers"]:
            abr.measured(size, took_ms)
        assert abs((-1 if abr.estimate is None else abr.estimate) - estimate) <= 1
        situation = Situation(case["ahead_ms"], case["current"], case["start"])
        assert abr.choose(LADDER, situation) == chosen


def test_fitting():
    assert [fitting(LADDER, estimate, 500) for estimate in (0, 191_999, 192_000, 640_000, 10**9)] == [
        0,
        0,
        1,
        3,
        3,
    ]
