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
from edge_sim.options import HttpUrl, Size
from origin.tokens import load_token_keys


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
    "text", ["", "localhost:8080", "ftp://x/", "http://", "http://x:99999/", "file:///etc"]
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


def test_wrong_usage_is_said_in_one_line():
    result = CliRunner().invoke(cli.root, ["edge", "--origin", "nowhere"])
    assert result.exit_code == 2
    assert "'nowhere' is not an address such as" in result.output
