"""What was measured of the tiers, and what a simulation makes of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner

import cli
from benchmarks.tiers import document, measure
from edge_sim.simulator.measured import load
from media.errors import FormatError

FOUND = {
    "memory": [0.1, 0.2, 0.9],
    "disk": [2.0, 2.0, 3.0],
    "shield": [1.0, 1.5, 2.0],
    "origin": [4.0, 5.0, 9.0],
}
SMALL = (
    *("--catalogue", "40000", "--streams-per-day", "1500", "--sample", "1:2", "--replicas", "2"),
    *("--jobs", "1", "--no-curves", "--memory", "800MB", "--disk", "3GB", "--shield", "8GB"),
)


@pytest.fixture
def written(tmp_path) -> Path:
    path = tmp_path / "tiers.json"
    path.write_text(json.dumps(document(FOUND, 38, 110)))
    return path


def test_medians_and_the_ways_between_tiers(written):
    measured = load(written)
    assert measured.tiers == (0.2, 2.0, 39.5, 153.0)
    assert measured.p99 == (0.9, 3.0, 40.0, 157.0)


def test_a_tier_that_never_answered_is_no_measurement():
    with pytest.raises(ClickException, match="shield: never answered"):
        document(FOUND | {"shield": []}, 0, 0)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "measured": "x"}'])
def test_what_calibrate_did_not_write(content, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(FormatError, match=r"x\.json: not what make calibrate writes"):
        load(path)


def test_a_simulation_takes_it_and_says_so(written, tmp_path):
    page = tmp_path / "day.html"
    arguments = ["simulate", *SMALL, "--tiers", str(written), "--html", str(page)]
    told = CliRunner().invoke(cli.root, arguments).stdout
    date = json.loads(written.read_text())["measured"]
    assert f"memory 0.2, disk 2, shield 39.5, origin 153 ms, measured {date} (tiers.json)" in " ".join(
        told.split()
    )
    assert f"(measured {date}, tiers.json: " in page.read_text()
    outcome = json.loads(CliRunner().invoke(cli.root, [*arguments, "--json"]).stdout)
    assert outcome["network"]["tiers"] == [0.2, 2.0, 39.5, 153.0]
    assert outcome["measured"]["p99"] == [0.9, 3.0, 40.0, 157.0]


@pytest.mark.soak
def test_real_tiers_each_answer_what_they_were_asked_for(tmp_path):
    found = measure([sys.executable, "-m", "cli"], tmp_path, 12)
    assert {tier: len(times) for tier, times in found.items()} == dict.fromkeys(
        ("memory", "disk", "shield", "origin"), 12
    )
