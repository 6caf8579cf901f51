"""Small crowds against a real served stage."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner
from lxml import etree
from rich.console import Console

import cli
from edge_sim.crowd.document import load
from edge_sim.crowd.report.compare import rows
from edge_sim.crowd.report.page import page
from edge_sim.crowd.report.summary import summary
from edge_sim.links.network import NETWORKS
from media.errors import FormatError, SettingsError
from tests.edge_sim.crowd.conftest import gather

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize(
    ("kind", "abr"),
    [
        ("bundle", "bola"),
        ("hls", "throughput"),
        pytest.param("presentation", "throughput", marks=pytest.mark.soak),
        pytest.param("dash", "bola", marks=pytest.mark.soak),
    ],
)
async def test_every_player_starts_and_listens(served, kind, abr):
    outcome = await gather(served, clients={kind: 1.0}, abr=abr, listeners=10)
    starts = outcome["starts"]
    assert outcome["errors"] == {}
    assert (starts["failed"], starts["abandoned"]) == (0, 0)
    assert starts["all"]["count"] == starts["all"]["decoded"] == starts["pressed"] > 0
    assert set(starts["by_client"]) == {kind}
    parts = starts["all"]["parts"]
    assert sum(parts.values()) == pytest.approx(starts["all"]["mean"], abs=0.05)
    expected = {
        "bundle": {"bundle"},
        "presentation": {"grant", "manifest"},
        "hls": {"grant", "manifest", "playlist"},
        "dash": {"grant", "manifest"},
    }[kind]
    assert expected <= set(parts)
    assert outcome["rebuffering"]["played_ms"] > 5000
    assert outcome["bitrate"] > 20_000


async def test_regions_tiers_and_connections_are_told_apart(served):
    outcome = await gather(served, listeners=20, seconds=3, goal_ms=2000)
    assert set(outcome["starts"]["by_region"]) == {"eu-west", "us-east"}
    assert set(outcome["starts"]["by_connection"]) == {"new", "warm"}
    tiers = outcome["cache"]["tiers"]
    assert tiers["memory"] > 0.3
    assert sum(tiers.values()) == pytest.approx(1, abs=1e-5)
    assert set(outcome["cache"]["regions"]) == {"eu-west", "us-east"}


async def test_a_modelled_network_adds_its_round_trips(served):
    network = NETWORKS["wifi"]
    places = tuple(
        type(place)(place.name, place.url, networks=(("wifi", network, 1.0),)) for place in served.places
    )
    outcome = await gather(served, places=places, clients={"hls": 1.0})
    assert outcome["network"] == "modelled above TCP"
    # A new connection, then grant, multivariant playlist, media playlist, segment: one after another, whatever the machine does.
    assert outcome["starts"]["by_connection"]["new"]["p5"] > 5 * network.rtt_ms
    assert outcome["starts"]["all"]["parts"]["connect"] > network.rtt_ms / 2


@pytest.mark.soak
async def test_a_song_that_does_not_decode_is_an_error_of_its_own(served):
    """First segments of zeros behind a good header; the other song plays on."""
    song = sorted(served.store.glob("songs/*/*/presentation.json"))[0].parent
    good = {path: path.read_bytes() for path in song.glob("audio/*/00001.m4s")}
    try:
        for path, body in good.items():
            path.write_bytes(body[:200] + bytes(len(body) - 200))
        async with served.fresh_edge() as place:
            outcome = await gather(served, places=(place,), clients={"hls": 1.0}, listeners=12, seconds=4)
    finally:
        for path, body in good.items():
            path.write_bytes(body)
    assert set(outcome["errors"]) == {"decode unusable"}
    assert outcome["starts"]["failed"] >= 1
    assert outcome["starts"]["all"]["count"] > 0
    assert outcome["verdict"]["targets"]["failed_starts"]["met"] is False
    assert outcome["verdict"]["met"] is False


async def test_the_page_says_all_that_the_document_says(served):
    outcome = json.loads(json.dumps(await gather(served, listeners=10)))
    tree = etree.HTML(page(outcome))
    text = " ".join(tree.itertext())
    assert f"{outcome['starts']['pressed']} presses" in text
    assert "Network: loopback, with nothing added." in text
    assert tree.findall(".//svg")
    for attribute in ("src", "href"):
        assert not tree.xpath(f"//@{attribute}")
    beside = etree.HTML(page(outcome, outcome))
    assert "Against the other run" in " ".join(beside.itertext())
    assert {row.verdict for row in rows(outcome, outcome)} == {"same"}


async def test_the_terminal_says_it_in_lines(served):
    outcome = json.loads(json.dumps(await gather(served, listeners=10)))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(*summary(outcome, outcome))
    lines = [line.strip() for line in console.export_text().splitlines()]
    assert any(line.startswith("new connection") for line in lines)
    assert "Network: loopback, with nothing added." in lines
    assert any(line.startswith("Generator: lag") for line in lines)
    assert any(line.startswith(("✓  start time, p95", "✗  start time, p95")) for line in lines)


async def test_a_slower_run_is_worse(served):
    before = await gather(served)
    after = json.loads(json.dumps(before))
    for key in ("p50", "p95", "p99"):
        after["starts"]["all"][key] = before["starts"]["all"][key] * 2 + 5
    verdicts = {row.name: row.verdict for row in rows(before, after)}
    assert {verdicts[f"start, all, {key}"] for key in ("p50", "p95", "p99")} == {"worse"}
    assert {row.verdict for row in rows(after, before) if row.name.startswith("start, all")} == {"better"}


async def test_a_crowd_goes_nowhere_else(served):
    place = served.places[0]
    for url in ("http://example.org/", "http://8.8.8.8/", "http://127.0.0.1.example.org/"):
        with pytest.raises(SettingsError, match="loopback and private"):
            await gather(served, places=(type(place)("here", url),))


async def test_a_document_of_another_kind_is_refused(tmp_path):
    for text in ("{}", "nonsense", '{"format": "tonearm crowd 0"}'):
        path = tmp_path / "x.json"
        path.write_text(text)
        with pytest.raises(FormatError):
            load(path)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://127.0.0.1:1/", "--regions", "a=http://127.0.0.1:1"],
        ["http://127.0.0.1:1/", "--network", "5g"],
        ["http://127.0.0.1:1/", "--players", "hls:0"],
        ["http://127.0.0.1:1/", "--decode", "101%"],
        ["http://127.0.0.1:1/", "--from", "24:00"],
        ["--regions", "a=http://127.0.0.1:1;a=http://127.0.0.1:2"],
        ["--regions", "a:0=http://127.0.0.1:1"],
        ["--regions", "a=ftp://127.0.0.1:1"],
    ],
)
async def test_options_that_make_no_sense(arguments):
    assert CliRunner().invoke(cli.root, ["crowd", *arguments]).exit_code == 2
