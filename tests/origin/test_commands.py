"""``tonearm origin`` as an operator runs it."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import cli
from media.ports import ObjectStore
from origin.publish import publish

V1 = "1111111111111111"


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The process and the address that it announced."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "origin", "--port", "0", *arguments),
        cwd=Path(cli.__file__).parent,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        address = re.search(r"on (http://127\.0\.0\.1:\d+)/$", line.strip())
        assert address, line
        yield process, address[1]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_serves_until_a_signal_and_finishes_what_it_began(
    store: ObjectStore, tmp_path: Path, number: signal.Signals
) -> None:
    large = bytes(32 << 20)
    objects = [("audio/normal/00001.m4s", large), ("presentation.json", b"{}")]
    await publish(store, song_id="abc", version=V1, objects=objects)
    async with (
        running("--store", f"file:{tmp_path / 'store'}") as (process, address),
        aiohttp.ClientSession(address) as session,
    ):
        async with session.get("/songs/abc/current.json", headers={"X-Request-Id": "abcdefgh"}) as answer:
            assert (await answer.json())["version"] == V1
        assert process.stderr is not None
        logged = json.loads(await process.stderr.readline())
        assert (logged["method"], logged["path"], logged["status"]) == ("GET", "/songs/abc/current.json", 200)
        assert logged["request_id"] == "abcdefgh"
        async with session.get(f"/songs/abc/{V1}/audio/normal/00001.m4s") as answer:
            first = await answer.content.readexactly(1000)
            process.send_signal(number)
            assert first + await answer.read() == large
        out, _ = await process.communicate()
        assert (process.returncode, out) == (0, b"")


async def test_the_access_log_can_be_off(store: ObjectStore, tmp_path: Path) -> None:
    async with (
        running("--store", str(tmp_path / "store"), "--no-access-log") as (process, address),
        aiohttp.ClientSession(address) as session,
    ):
        async with session.get("/songs/none") as answer:
            assert answer.status == 404
        process.send_signal(signal.SIGTERM)
        _, rest = await process.communicate()
        assert (process.returncode, rest) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--store", "ftp://x"], "no backend for 'ftp'"),
        (["--store", "s3://"], "expected s3://BUCKET/PREFIX"),
        (["--store", "x", "--port", "65536"], "--port"),
        ([], "--store"),
    ],
)
async def test_wrong_use_is_one_line_and_status_2(arguments: list[str], message: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "origin", *arguments), cwd=Path(cli.__file__).parent, stderr=PIPE
    )
    _, error = await process.communicate()
    assert process.returncode == 2
    assert message in error.decode()
    assert "Traceback" not in error.decode()
