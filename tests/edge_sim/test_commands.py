"""The commands as people run them."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import cli
from edge_sim.options import DiskSpace, HttpUrl, Milliseconds, Rate, Share, Size
from origin.tokens import TokenKeys, load_token_keys


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("10b", 10),
        ("64kB", 64_000),
        ("256MB", 256_000_000),
        ("1 GiB", 1 << 30),
        ("2ki", 2048),
        ("1T", 10**12),
    ],
)
def test_sizes(text, size):
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1.5GB", "1XB", "1GBB", "٣MB"])
def test_what_is_no_size(text):
    with pytest.raises(click.BadParameter, match="not a size"):
        Size().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "folder", "size"),
    [("/var/cache/tonearm:20GB", "/var/cache/tonearm", 20 * 10**9), ("a:b:1MiB", "a:b", 1 << 20)],
)
def test_a_disk(text, folder, size):
    assert DiskSpace().convert(text, None, None) == (Path(folder), size)


@pytest.mark.parametrize("text", ["", "/var/cache", ":20GB", "/var/cache:", "/var/cache:much", "20GB"])
def test_what_is_no_disk(text):
    with pytest.raises(click.BadParameter, match=r"not a (folder and a )?size"):
        DiskSpace().convert(text, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8080",
        "ftp://x/",
        "http://",
        "http://x:99999/",
        "file:///etc",
        "http://[::1",
        'http://a/"x',
        "http://a/ b",
        "http://a\n/",
        "http://a/\x1b[2J",
        "http://a/<x>",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(click.BadParameter, match="not an address"):
        HttpUrl().convert(text, None, None)


async def test_edge_serves_until_a_signal(origin, talk, tmp_path: Path):
    home = tmp_path / "home"
    origin.says("init.mp4", b"init")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", str(home), "edge", "--origin", origin.url, "--port", "0"),
        *("--memory", "1MB"),
        cwd=Path(cli.__file__).parent,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        announced = (await process.stderr.readline()).decode()
        found = re.search(r"on (http://127\.0\.0\.1:\d+)/", announced)
        assert found, announced
        talk.base, talk.keys = found[1], load_token_keys(home, None)
        talk.token = talk.sign("songs/", expires_ms=1 << 47)
        assert (await talk.get("init.mp4")).cache == "tonearm-edge; fwd=uri-miss; stored"
        assert (await talk.get("init.mp4")).cache == "tonearm-edge; hit"
        assert await talk.count("budget_bytes") == 1_000_000
        logged = json.loads(await process.stderr.readline())
        assert (logged["path"], logged["cache"]) == (
            "/t/…/songs/a-song/0123456789abcdef/init.mp4",
            "tonearm-edge; fwd=uri-miss; stored",
        )
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


async def test_a_key_that_is_exchanged_counts_without_a_restart(origin, talk, tmp_path: Path):
    home = tmp_path / "home"
    origin.says("init.mp4", b"init")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", str(home), "edge", "--origin", origin.url, "--port", "0"),
        "--no-access-log",
        cwd=Path(cli.__file__).parent,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        found = re.search(r"on (http://127\.0\.0\.1:\d+)/", (await process.stderr.readline()).decode())
        assert found
        talk.base, talk.keys = found[1], load_token_keys(home, None)
        old = talk.sign("songs/", expires_ms=1 << 47)
        talk.keys = TokenKeys({"k2": b"n" * 32}, "k2")
        talk.token = talk.sign("songs/", expires_ms=1 << 47)
        assert (await talk.get("init.mp4")).status == 403
        file = home / "token.key"
        file.write_text(f"k2:{(b'n' * 32).hex()}\n{file.read_text()}")
        while (await talk.get("init.mp4")).status == 403:
            pass  # it looks once a second; the test's timeout is the limit
        talk.token = old
        assert (await talk.get("init.mp4")).status == 200
        file.write_text(f"k2:{(b'n' * 32).hex()}\n")
        while (await talk.get("init.mp4")).status == 200:
            pass
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


def test_wrong_usage_is_said_in_one_line():
    result = CliRunner().invoke(cli.root, ["edge", "--origin", "nowhere"])
    assert result.exit_code == 2
    assert "'nowhere' is not an address such as" in result.output


async def tonearm(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", *arguments),
        cwd=Path(cli.__file__).parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_play_for_machines(stage, tone):
    stage.publish(tone, "cbcs")
    status, out, err = await tonearm("play", stage.talk.base, "--runs", "3", "--json", "--target-ms", "60000")
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert (document["met"], document["target_ms"]) == (True, 60000)
    assert (document["cold"]["runs"], document["warm"]["runs"]) == (2, 1)
    names = [span["name"] for span in document["starts"][0]["spans"]]
    assert names == ["connect", "bundle", "decode"]
    assert stage.talk.token not in out


async def test_play_for_people_and_a_target_that_is_missed(stage, tone):
    stage.publish(tone)
    status, out, err = await tonearm("play", stage.url("hls.m3u8"), "--runs", "2", "--target-ms", "1")
    assert (status, err) == (10, "")
    assert "cold start, " in out
    assert "warm start, " in out
    assert "█" in out
    assert "✗ over 1 ms" in out


async def test_play_without_a_network_is_one_line(unused_tcp_port):
    status, out, err = await tonearm("play", f"http://127.0.0.1:{unused_tcp_port}/")
    assert (status, out) == (11, "")
    assert err == f"tonearm: session: http://127.0.0.1:{unused_tcp_port}/v1/sessions/guest: no connection\n"


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Milliseconds, "50ms", 50),
        (Milliseconds, "0.2 s", 200),
        (Milliseconds, "7", 7),
        (Rate, "5mbit", 5_000),
        (Rate, "1.6Mbit/s", 1_600),
        (Rate, "800kbit", 800),
        (Rate, "64", 64),
        (Share, "0.5%", 0.005),
        (Share, "0 %", 0.0),
        (Share, "100%", 1.0),
    ],
)
def test_times_rates_and_shares(kind, text, value):
    assert kind().convert(text, None, None) == pytest.approx(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Milliseconds, "-1ms"),
        (Milliseconds, "5m"),
        (Rate, "0"),
        (Rate, "5 MB"),
        (Share, "0.5"),
        (Share, "101%"),
    ],
)
def test_what_is_none_of_them(kind, text):
    with pytest.raises(click.BadParameter, match="is not a"):
        kind().convert(text, None, None)


@pytest.mark.usefixtures("links")
async def test_play_over_a_link_and_a_report_beside_an_earlier_one(stage, tone, tmp_path: Path):
    stage.publish(tone)
    before, report = tmp_path / "before.json", tmp_path / "report.html"
    options = ("--runs", "2", "--rtt", "10ms", "--rate", "20mbit", "--target-ms", "60000")
    status, out, err = await tonearm("play", stage.url("hls.m3u8"), *options, "--json")
    assert (status, err) == (0, "")
    before.write_text(out)
    made = json.loads(out)
    assert (made["network"]["link"], made["network"]["rtt_ms"], made["network"]["kbits"]) == (
        "emulated",
        10,
        20_000,
    )
    assert made["warm"]["p50_ms"] > made["floor_ms"]["warm"] > 10
    status, out, err = await tonearm(
        "play", stage.url("hls.m3u8"), *options, "--html", str(report), "--compare", str(before)
    )
    assert (status, err) == (0, "")
    assert "RTT 10 ms, 20 Mbit/s; emulated below TCP (reno)" in out
    assert "cold, against before" in report.read_text()


async def test_an_earlier_run_that_is_none_is_one_line(tmp_path: Path):
    wrong = tmp_path / "a.json"
    wrong.write_text("{}")
    status, _, err = await tonearm("play", "http://127.0.0.1:9/", "--compare", str(wrong))
    assert status != 0
    assert err == f"tonearm: {wrong}: not what `tonearm play --json` writes\n"
