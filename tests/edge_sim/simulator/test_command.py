"""``tonearm simulate`` as people run it, and the pages that it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy
import pytest
from click.testing import CliRunner, Result
from lxml import etree

import cli
from edge_sim.policies import NAMES
from edge_sim.simulator import formats
from edge_sim.simulator.requests import Requests
from media.errors import FormatError

SMALL = [
    *(
        "--catalogue",
        "40000",
        "--streams-per-day",
        "1500",
        "--sample",
        "1:2",
        "--replicas",
        "2",
        "--jobs",
        "1",
    ),
    *("--memory", "800MB", "--disk", "3GB", "--shield", "8GB", "--regions", "here:2:1,there"),
]


def simulate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.root, ["simulate", *map(str, arguments)])


def outcome(*arguments: str | Path) -> dict:
    result = simulate(*arguments, "--json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two outcomes, of LRU and of S3-FIFO, and their reports."""
    made = tmp_path_factory.mktemp("simulated")
    for policy in ("lru", "s3fifo"):
        document = outcome(*SMALL, "--policy", policy, "--html", made / f"{policy}.html")
        (made / f"{policy}.json").write_text(json.dumps(document))
    return made


@pytest.fixture
def trace(tmp_path) -> Path:
    path = tmp_path / "t.csv"
    keys = [number * number % 101 for number in range(3000)]
    formats.write(path, [Requests.of(numpy.arange(3000) * 100, keys, [1000 + key for key in keys])])
    return path


@pytest.mark.parametrize(("start", "times"), [("bundle", 0), ("presentation", 1), ("walk", 4)])
def test_what_the_tiers_take_is_what_starts_wait_for(start, times):
    """A second more in every tier: nobody waits for tiers whose bundle was whole, and a walk waits for four objects."""
    arguments = [*SMALL, "--no-curves", "--start", start, "--first-bytes", "1GB"]
    quick = outcome(*arguments, "--tier-ms", "0,0,0,0")
    slow = outcome(*arguments, "--tier-ms", "1000,1000,1000,1000")
    assert slow["network"]["tiers"] == [1000] * 4
    assert slow["start"]["model"] == start
    more = slow["start_ms"]["p50"]["value"] - quick["start_ms"]["p50"]["value"]
    assert more == pytest.approx(1000 * times, rel=0.02, abs=0.1)


def test_bundles_spare_edges_the_first_bytes_and_the_store_is_asked_for_what_nobody_remembers():
    arguments = [*SMALL, "--no-curves", "--first-bytes"]
    whole, words = (outcome(*arguments, memory)["start"]["bundles"] for memory in ("1GB", "0"))
    assert (whole["with_media"], whole["store_bytes"]) == (1, 0)
    assert (words["with_media"], words["in_memory"]) == (0, 0)
    assert words["store_bytes"] == pytest.approx(whole["bytes"] - words["bytes"], rel=0.03)
    quick = outcome(*arguments, "0", "--tier-ms", "0,0,0,9")["start"]["bundles"]
    assert (quick["with_media"], quick["in_memory"]) == (1, 0)
    requests = {
        start: outcome(*SMALL, "--no-curves", "--start", start, "--first-bytes", "1GB")["all"]["requests"]
        for start in ("bundle", "presentation")
    }
    assert requests["presentation"] - requests["bundle"] == pytest.approx(2 * whole["count"], rel=0.03)


def test_the_report_says_how_players_began(tmp_path):
    page = tmp_path / "day.html"
    result = simulate(*SMALL, "--no-curves", "--start", "walk", "--html", page)
    assert "by a walk through playlists" in " ".join(result.stdout.split())
    assert "Started by a walk through playlists." in page.read_text()
    result = simulate(*SMALL, "--no-curves", "--html", page)
    assert "by the start bundle, " in " ".join(result.stdout.split())
    assert "API 3. 95 % within" in page.read_text()


def test_a_day(folder):
    document = json.loads((folder / "s3fifo.json").read_text())
    assert document["policy"] == "s3fifo"
    assert list(document["regions"]) == ["here", "there"]
    assert document["world"]["regions"]["here"] == pytest.approx(2 / 3)
    assert set(document["curves"]) == set(NAMES)
    assert 0.3 < document["all"]["edge"]["hit_ratio"]["value"] < 1
    assert document["start_ms"]["p50"]["value"] < document["start_ms"]["p99"]["value"]


@pytest.mark.parametrize("name", ["lru.html", "s3fifo.html"])
def test_a_report_stands_alone_and_is_sound(folder, name):
    page = (folder / name).read_text()
    assert not re.search(r"https?://|src=|href=|url\(|@import|<script|<link", page)
    tree = etree.HTML(page)
    drawn = tree.findall(".//svg")
    assert len(drawn) == 5
    for svg in drawn:
        etree.fromstring(etree.tostring(svg))
        assert svg.get("aria-label")
    assert "nan" not in page.replace("finance", "")
    assert (
        len(
            {polyline.get("class") for polyline in tree.iterfind(".//polyline")}
            & {f"line {each}" for each in NAMES}
        )
        == 5
    )


def test_the_report_shows_the_numbers_of_the_document(folder):
    document = json.loads((folder / "s3fifo.json").read_text())
    text = " ".join(etree.HTML((folder / "s3fifo.html").read_text()).itertext())
    assert f"{document['all']['edge']['hit_ratio']['value'] * 100:.2f} %" in text
    assert f"{document['start_ms']['p50']['value']:.0f} ms" in text
    for name, region in document["regions"].items():
        assert name in text
        assert f"{region['tiers']['disk']['hit_ratio']['value'] * 100:.2f} %" in text


def test_lines_lie_inside_their_plots(folder):
    for svg in etree.HTML((folder / "s3fifo.html").read_text()).iterfind(".//svg"):
        width, height = map(float, svg.get("viewbox", svg.get("viewBox")).split()[2:])
        for shape in svg.iterfind(".//polyline"):
            points = [tuple(map(float, pair.split(","))) for pair in shape.get("points").split()]
            assert all(0 <= x <= width and 0 <= y <= height for x, y in points)


def test_for_people(trace):
    result = simulate("--trace", trace, "--memory", "2MB")
    assert result.exit_code == 0
    assert "s3fifo · memory 2 MB · every request" in result.stdout
    assert re.search(r"all +3 k", result.stdout)


def test_a_comparison(folder, tmp_path):
    result = simulate("--compare", folder / "lru.json", folder / "s3fifo.json")
    assert result.exit_code == 0
    assert re.search(r"memory, hits +\d+\.\d\d % ± .* \+\d", result.stdout)
    worse = json.loads((folder / "lru.json").read_text())
    worse["all"]["edge"]["hit_ratio"] = {"value": 0.1, "error": 0.001}
    worse["start_ms"]["p50"] = {"value": 1.0, "error": 0.1}
    other = tmp_path / "worse.json"
    other.write_text(json.dumps(worse))
    rows = {row["name"]: row for row in outcome("--compare", folder / "lru.json", other)}
    assert [rows[name]["verdict"] for name in ("edges, hits", "start, p50", "start, p99")] == [
        "worse",
        "better",
        "same",
    ]
    same = {row["verdict"] for row in outcome("--compare", folder / "lru.json", folder / "lru.json")}
    assert same <= {"same", ""}
    page = tmp_path / "c.html"
    simulate("--compare", folder / "lru.json", other, "--html", page)
    assert not re.search(r"https?://|src=|href=", page.read_text())
    assert 'class="better"' in page.read_text()


def test_a_trace_is_converted_and_gives_the_same_hits(trace, tmp_path):
    other = tmp_path / "t.oracleGeneral"
    first = outcome("--trace", trace, "--memory", "2MB", "--save-trace", other)
    second = outcome("--trace", other, "--memory", "2MB")
    assert first["all"] == second["all"]
    assert first["curves"] == second["curves"]
    assert first["all"]["requests"] == 3000


def test_a_made_up_day_is_saved_as_a_trace(tmp_path):
    path = tmp_path / "day.csv"
    document = outcome(*SMALL, "--no-curves", "--save-trace", path)
    saved = sum(map(len, formats.read(path)))
    assert 0.2 < saved / document["sampling"]["simulated_requests"] < 0.8  # one of two samples


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--catalogue", "1.5"], "'1.5' is not a count such as 100000000 or 1e8"),
        (["--sample", "2:3"], "'2:3' is not a rate such as 1:1000"),
        (["--regions", "Here"], "'Here' is not a region such as eu-west:3:1"),
        (["--regions", "a,a"], "'a,a' names a region twice"),
        (["--regions", "a:0"], "'a:0' is not a region"),
        (["--catalogue", "1000"], "--sample: 1000 songs are too few for 1:1000 in 4 samples"),
        (["--memory", "1GB"], "--memory: 1,000,000,000 bytes are too few to take 1:4,000 of them"),
        (["--compare", "a", "b"], "does not exist"),
        (["--tier-ms", "1,2,3"], "not four times in ms"),
        (["--tier-ms", "1,2,3,-4"], "not four times in ms"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments, reason):
    result = simulate(*arguments)
    assert result.exit_code == 2
    assert reason in result.output


def test_what_makes_no_sense_with_a_trace(trace, tmp_path):
    assert "would share objects" in simulate("--trace", trace, "--replicas", "2").output
    assert "that is the trace itself" in simulate("--trace", trace, "--save-trace", trace).output
    broken = tmp_path / "x.json"
    broken.write_text('{"format": 0}')
    assert isinstance(simulate("--compare", broken, broken).exception, FormatError)
