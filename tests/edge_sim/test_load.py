"""The load runner: real locust, real listeners, a real edge; and never against somebody else's machine.

Each run of locust takes seconds: one that is well and one that misses its target are in the suite, the others are a soak.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import suppress
from pathlib import Path

import aiohttp
import click
import lxml.html
import pytest
from click.testing import CliRunner
from multidict import CIMultiDict, CIMultiDictProxy

from benchmarks.load.__main__ import main
from benchmarks.load.catalogue import catalogue
from benchmarks.load.compare import rows
from benchmarks.load.opened import addresses
from benchmarks.load.result import load as load_document
from benchmarks.loopback import require_loopback
from demo.run import free_port
from edge_sim.crowd.cmcd import fields
from origin.cmcd import of_request


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080", "https://localhost/", "http://[::1]:1/", "http://127.9.9.9"]
)
def test_this_machine(url):
    assert require_loopback(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "http://10.0.0.1",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org/",
        "ftp://127.0.0.1",
        "127.0.0.1:8080",
        "",
        "http://0.0.0.0",
    ],
)
def test_any_other_machine_is_refused(url):
    with pytest.raises(ValueError, match="only loopback addresses"):
        require_loopback(url)
    result = CliRunner().invoke(main, ["--host", url])
    assert result.exit_code == 2
    assert "only loopback addresses" in result.output


async def test_locust_itself_refuses_too():
    status, _, err = await run(
        "locust", "-f", "benchmarks/locustfile.py", "--headless", "-H", "http://10.0.0.1"
    )
    assert status == 1
    assert "only loopback addresses" in err


@pytest.mark.parametrize("scheme", ["cbcs", pytest.param("aes-128", marks=pytest.mark.soak)])
async def test_listeners_start_and_listen(stage, tone, scheme):
    stage.publish(tone, scheme)
    status, out, err = await load(stage)
    assert status == 0, out + err
    assert re.search(r"start time, hls +p50 \d+ ms, p95 \d+ ms, p99 \d+ ms \(\d+ starts\)", out)
    hits, requests = map(float, re.search(r"hit ratio +([\d.]+)% of (\d+) requests", out).groups())
    assert hits > 25
    assert requests > 5
    assert re.search(r"failures +0 of \d+ requests", out)
    asked = {question.path for question in stage.origin.heard}
    assert {f"songs/a-song/0123456789abcdef/audio/normal/{number:05d}.m4s" for number in (1, 2)} <= asked
    key = stage.key_name if scheme == "aes-128" else stage.licence_name
    assert stage.origin.asked(key)
    assert "audio/high" not in " ".join(asked)


@pytest.mark.soak
@pytest.mark.parametrize("scheme", ["cbcs", "aes-128"])
async def test_listeners_of_one_file_for_each_rendition_with_a_key_of_its_own(stage, tone, scheme):
    made = stage.publish(tone, scheme, own_key=True, one_file=True)
    status, out, err = await load(stage)
    assert status == 0, out + err
    assert re.search(r"failures +0 of \d+ requests", out)
    assert float(re.search(r"hit ratio +([\d.]+)%", out)[1]) > 25
    media = {question.path for question in stage.origin.heard if question.path.endswith((".mp4", ".m4s"))}
    assert media == {"songs/a-song/0123456789abcdef/audio/normal/track.mp4"}
    if scheme == "aes-128":
        assert stage.origin.asked(stage.key_name)
    else:
        (body, *_) = [question.body for question in stage.origin.asked(stage.licence_name)]
        assert len(json.loads(body)["kids"]) == len(made.kids) == 2


async def test_the_open_loop_asks_for_segments_that_are_files_of_their_own(stage, tone):
    stage.publish(tone)
    urls = await asyncio.to_thread(addresses, f"{stage.talk.base}/")
    assert all(url.endswith(".m4s") for url in urls)
    assert len(set(urls)) > 1


async def test_the_open_loop_says_so_where_no_segment_is_a_file_of_its_own(stage, tone):
    stage.publish(tone, one_file=True)
    with pytest.raises(click.ClickException, match="segments that are files of their own"):
        await asyncio.to_thread(addresses, f"{stage.talk.base}/")


def test_a_player_says_how_it_fares():
    said = fields(
        {
            "br": 96,
            "d": 4000,
            "ot": "a",
            "bl": 8212,
            "nor": "00003.m4s",
            "su": True,
            "cid": "a-song",
            "sf": "h",
            "sid": "a-session",
            "st": "v",
            "bs": True,
        }
    )
    assert of_request(CIMultiDictProxy(CIMultiDict(said)), "") == {
        "br": 96,
        "d": 4000,
        "ot": "a",
        "bl": 8200,
        "nor": "00003.m4s",
        "su": True,
        "cid": "a-song",
        "sf": "h",
        "sid": "a-session",
        "st": "v",
        "bs": True,
    }


async def test_a_slow_origin_misses_the_target_of_who_waits_for_it(stage, tone, tmp_path):
    stage.publish(tone)
    gate = stage.origin.holds("audio/normal/00001.m4s")
    slow = asyncio.create_task(open_late(gate, 0.5))
    status, out, _ = await load(stage, "--json", str(tmp_path / "load.json"), start_p50_ms=0.001)
    assert status == 1, out
    await slow
    assert re.search(r"start, p50 +≤ 0.001 ms +[\d.]+ ms +missed", out)
    result = json.loads((tmp_path / "load.json").read_text())
    assert result["starts"]["cold"]["max"] >= 500
    assert result["verdict"]["code"] == 1


async def open_late(gate, seconds: float) -> None:
    """The origin is slow: its answer is so late."""
    await gate.reached.wait()
    asyncio.get_running_loop().call_later(seconds, gate.open)


@pytest.mark.soak
async def test_a_generator_that_is_too_busy_is_not_believed(stage, tone):
    stage.publish(tone)
    status, out, _ = await load(stage, late_ms=0)
    assert status == 3
    assert "Not to be believed" in out


@pytest.mark.soak
async def test_failures_are_named_and_counted(stage, tone):
    stage.publish(tone)
    stage.origin.forgets("audio/normal/00001.m4s")
    status, out, _ = await load(stage)
    assert status == 1
    assert "no song started" in out
    assert "× GET …/[segment].m4s: " in out


@pytest.mark.soak
async def test_one_command_serves_and_loads_and_reports(tmp_path):
    """The whole of it: a catalogue, three servers, both players in two processes, the open loop, the page."""
    made = tmp_path / "made"
    _, store = catalogue(made, songs=2, seconds=8)
    html, document, theirs = (tmp_path / name for name in ("load.html", "load.json", "locust.html"))
    status, out, err = await run(
        "benchmarks.load",
        *(
            "--store",
            store,
            "--home",
            str(made / "home"),
            "--users",
            "4",
            "--seconds",
            "6",
            "--processes",
            "2",
        ),
        *("--open-rate", "50", "--html", str(html), "--json", str(document), "--locust-html", str(theirs)),
        *held(),
    )
    assert status == 0, out + err
    result = json.loads(document.read_text())
    assert result["starts"]["by_player"].keys() == {"ours", "hls"}
    assert result["failures"] == {}
    assert result["cache"]["miss"] > 0
    assert result["requests"]["by_name"]["GET …/presentation.json"]["count"] > 0
    opened = result["open_loop"]
    assert opened["requests"] == 6 * 50
    assert opened["from_due"]["p50"] >= opened["from_sent"]["p50"] > 0
    assert {"edge", "origin", "api", "locust", "machine"} <= result["over_time"]["cpu"].keys()
    page = lxml.html.fromstring(html.read_text())
    assert {"Verdict", "What a closed loop hides", "Who was busy"} <= {each.text for each in page.iter("h2")}
    assert not page.xpath("//@src | //@href")
    assert len(page.findall(".//svg")) == 7
    assert '"START"' in theirs.read_text()
    assert '"HIT"' in theirs.read_text()
    again = list(rows(load_document(document), load_document(document)))
    assert {row.verdict for row in again} <= {"same", ""}


def test_the_document_of_something_else_is_refused(tmp_path):
    other = tmp_path / "other.json"
    other.write_text('{"format": 1}')
    result = CliRunner().invoke(main, ["--host", "http://127.0.0.1:1", "--compare", str(other)])
    assert result.exit_code == 1
    assert "not the JSON that make load writes" in result.output


async def test_locusts_own_page_shows_what_listeners_care_about(stage, tone, session):
    """The tab's table, and the same as JSON, from a master that has no window."""
    stage.publish(tone)
    port = free_port(0)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locust", "-f", "benchmarks/locustfile.py", "--host", f"{stage.talk.base}/"),
        *(
            "--web-host",
            "127.0.0.1",
            "--web-port",
            str(port),
            "--autostart",
            "--users",
            "2",
            "--compression",
            "30",
        ),
        *("--loglevel", "ERROR", "HlsPlayer"),
        cwd=Path(__file__).parents[2],
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        told: list[dict[str, object]] = []
        while not any(row["name"] == "start: hls" for row in told):
            with suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/stats/listeners") as answer:
                    told = await answer.json()
        segments = next(row for row in told if row["name"] == "GET …/[segment].m4s")
        assert segments["hits"].endswith("%")
        async with session.get(f"http://127.0.0.1:{port}/stats/requests") as answer:
            (tab,) = (await answer.json())["extended_stats"]
        assert tab["key"] == "listeners"
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            assert "Hit ratio" in await answer.text()
    finally:
        process.terminate()
        await process.wait()


# What this machine manages is no matter of a test: limits that anything meets, but for those a test is about.
PATIENT = {
    **dict.fromkeys(["start-p50-ms", "start-p95-ms", "start-p99-ms", "open-p99-ms", "late-ms"], 600_000),
    "rebuffer": 1,
    "hit-ratio": 0,
    "locust-cpu": 10_000,
}


async def load(stage, *more: str, **limits: float) -> tuple[int | None, str, str]:
    arguments = ["--users", "3", "--songs", "15", "--seconds", "60", "--compression", "30", "--player", "hls"]
    return await run(
        "benchmarks.load",
        "--host",
        f"{stage.talk.base}/",
        "--open-rate",
        "0",
        *arguments,
        *held(**limits),
        *more,
    )


def held(**limits: float) -> list[str]:
    """The options that hold a run against `limits`, and else against nothing."""
    wanted = PATIENT | {name.replace("_", "-"): limit for name, limit in limits.items()}
    return [text for name, limit in wanted.items() for text in (f"--{name}", str(limit))]


async def run(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
