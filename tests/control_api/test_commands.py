"""``tonearm api`` as an operator runs it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from click.testing import CliRunner

import cli
from media.errors import SettingsError
from media.serving import access_log


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A server sends the whole process's log to standard error; the tests after it want it back."""
    logger = logging.getLogger("tonearm")
    before = logger.propagate, list(logger.handlers), access_log.level
    yield
    logger.propagate, logger.handlers = before[:2]
    access_log.setLevel(before[2])


async def tonearm(home: Path, *arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", str(home), "api", *arguments),
        cwd=Path(cli.__file__).parent,
        stdout=PIPE,
        stderr=PIPE,
    )


async def said(home: Path, *arguments: str) -> tuple[int | None, str]:
    process = await tonearm(home, *arguments)
    out, error = await process.communicate()
    assert error == b""
    return process.returncode, out.decode()


async def test_serves_until_a_signal_and_logs_as_json(home: Path, publish_song: Any, tmp_path: Path) -> None:
    await publish_song("salt-air", "Salt Air")
    process = await tonearm(home, "--store", str(tmp_path / "store"), "--port", "0", "--no-guests")
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line
        async with ClientSession(address[0]) as client:
            async with client.get("/v1/healthz") as response:
                assert await response.json() == {"status": "ok", "songs": 1}
            credentials = {"email": "ann@example.org", "password": "correct horse battery"}
            async with client.post("/v1/accounts", json=credentials) as response:
                assert response.status == 201
            async with client.post("/v1/sessions/guest") as response:
                assert response.status == 403
            assert (home / "api.sqlite").is_file()

            code, shown = await said(home, "account", "Ann@Example.org", "--role", "admin", "--region", "NO")
            assert (code, shown) == (0, "ann@example.org: admin, free, NO\n")
            async with client.post("/v1/sessions", json=credentials) as response:
                token = (await response.json())["access_token"]
            bearer = {"Authorization": f"Bearer {token}"}
            async with client.get("/v1/me", headers=bearer) as response:
                assert (await response.json())["role"] == "admin"
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = await process.communicate()
    assert process.returncode == 0
    lines = [json.loads(text) for text in rest.decode().splitlines()]
    assert [(line["path"], line["status"]) for line in lines][:2] == [
        ("/v1/healthz", 200),
        ("/v1/accounts", 201),
    ]
    assert "correct horse" not in rest.decode()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Missing option '--store'"),
        (["--store", "ftp://x/"], "no backend for 'ftp'"),
        (["--store", "x", "--grant-minutes", "31"], "grant-minutes"),
        (["--store", "x", "--edge-url", "edge.example"], "edge URL"),
        (["--store", "x", "--database", "nonsense://secret@x"], "database URL"),
        (
            ["--store", "x", "--port", "0", "--database", "sqlite+aiosqlite:////nowhere/at/all"],
            "/nowhere/at/all: No such file",
        ),
        (
            ["--store", "x", "--port", "0", "--database", "sqlite+aiosqlite:///{home}/something"],
            "not a database",
        ),
        (["account", "nobody@example.org"], "nobody registered"),
        (["account", "ann@example.org", "--region", "no"], "--region"),
        (["account", "ann@example.org", "--tier", "gold"], "--tier"),
        (["account", "ann@example.org", "--role", "root"], "--role"),
    ],
)
def test_settings_that_make_no_sense_are_said(home: Path, arguments: list[str], reason: str) -> None:
    home.mkdir()
    (home / "something").write_text("no database " * 100)
    given = [argument.format(home=home) for argument in arguments]
    result = CliRunner().invoke(cli.root, ["--home", str(home), "api", *given])
    if isinstance(result.exception, SettingsError):  # the front door makes a line and this exit code of it
        assert result.exception.exit_code == 2
        shown = str(result.exception)
    else:
        assert result.exit_code == 2
        shown = result.output
    assert reason in shown
    assert "secret" not in shown
