"""``tonearm speke`` as an operator runs it, and ``tonearm keys fetch`` against it: two processes, one loopback."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import re
import signal
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from rich.console import Console

import cli
from drm.commands import keys
from drm.cpix import read
from drm.cpix.files import load
from drm.key_store import KeyStore, load_master_key
from drm.speke import PATH
from drm.speke.contract import kid_for
from media.errors import ContentKeyError, SettingsError, UpstreamFailed
from media.serving import application, listening

TOKEN = "a-token-of-the-packager"
NAMES = ["low", "normal", "high", "very_high"]


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def key_store(home: Path) -> KeyStore:
    return KeyStore(home / "keys", load_master_key(home, None))


async def start(home: Path, *arguments: str, **environment: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", str(home), *arguments),
        cwd=Path(cli.__file__).parent,
        env=os.environ | environment,
        stdout=PIPE,
        stderr=PIPE,
    )


@asynccontextmanager
async def serving(home: Path, *arguments: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    """The server's process and the address that it announced."""
    process = await start(home, "speke", "--port", "0", *arguments, **environment)
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        address = re.fullmatch(rf"SPEKE 2\.0 on (http://127\.0\.0\.1:\d+{PATH})\n", line)
        assert address, line + (await process.stderr.read()).decode()
        yield process, address[1]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def tonearm(home: Path, *arguments: str, **environment: str) -> tuple[int | None, str]:
    process = await start(home, *arguments, **environment)
    out, err = await process.communicate()
    return process.returncode, (out + err).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_key_for_each_rendition_and_a_clean_stop(
    home: Path, tmp_path: Path, token_file: Path, number: signal.Signals
) -> None:
    out, url = tmp_path / "keys.xml", "https://licence.example/widevine"
    shared = "--token-file", str(token_file)
    async with serving(home, *shared, "--license-url", f"widevine={url}") as (process, address):
        asked = (
            "keys",
            "fetch",
            address,
            "--content-id",
            "song 1",
            *shared,
            "--per-rendition",
            ",".join(NAMES),
        )
        status, said = await tonearm(tmp_path / "elsewhere", *asked, "--out", str(out))
        assert (status, said) == (0, f"4 keys in {out}, in the clear\n")
        assert process.stderr is not None
        logged = (await process.stderr.readline()).decode()
        again = tmp_path / "again.xml"
        await tonearm(tmp_path / "elsewhere", *asked, "--out", str(again))
        assert again.read_bytes() == out.read_bytes()
        await process.stderr.readline()
        process.send_signal(number)
        assert await process.communicate() == (b"", b"")
    assert process.returncode == 0
    line = json.loads(logged)
    assert (line["method"], line["path"], line["status"]) == ("POST", PATH, 200)
    assert TOKEN not in logged
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    document = load(out)
    assert document.content_id == "song 1"
    for name in NAMES:
        found = document.key_for(label=name, channels=2, bitrate=96_000)
        assert found is not None
        assert found.kid == kid_for("song 1", "cbcs", name)
        assert found.key == key_store(home).get(found.kid).key
    assert len({key.key for key in document.keys}) == 4
    assert len(document.drm) == 4 * 3
    assert any(url in (each.content_protection or "") for each in document.drm)
    assert not (tmp_path / "elsewhere/keys").exists()


async def test_one_key_encrypted_for_us_and_taken_into_a_key_store(
    home: Path, tmp_path: Path, packager: Any
) -> None:
    certificate, key, out = tmp_path / "ours.der", tmp_path / "ours.pem", tmp_path / "keys.xml"
    certificate.write_bytes(packager.certificate.der)
    key.write_bytes(packager.key.export_key("PEM"))
    key.chmod(0o600)
    options = "--content-id", "song", "--drm", "widevine", "--scheme", "cenc", "--out", str(out)
    ours = "--recipient", str(certificate), "--recipient-key", str(key)
    async with serving(home, TONEARM_SPEKE_TOKEN=TOKEN) as (_, address):
        status, said = await tonearm(
            home, "keys", "fetch", address, *options, *ours, TONEARM_KEYS_FETCH_TOKEN=TOKEN
        )
    assert (status, said) == (0, f"1 key in {out}, encrypted\n")
    with pytest.raises(ContentKeyError, match="no private key is at hand"):
        load(out)
    made = load(out, private_key=key).key_for(label="any", channels=2, bitrate=1)
    assert made is not None
    assert made.scheme == "cenc"
    other = tmp_path / "other"
    assert (await tonearm(other, "keys", "import", str(out), "--recipient-key", str(key)))[0] == 0
    stored = key_store(other).get(made.kid)
    assert (stored.key, stored.scope) == (made.key, f"cpix:song:{made.kid}")
    assert key_store(home).get(made.kid).key == made.key


async def test_who_has_no_token_gets_a_problem(home: Path, token_file: Path) -> None:
    headers = {"X-Speke-Version": "2.0", "Authorization": "Bearer another"}
    async with (
        serving(home, "--token-file", str(token_file)) as (_, address),
        aiohttp.ClientSession(headers=headers) as session,
    ):
        async with session.post(address, data=b"<a/>") as answer:
            assert answer.status == 401
            assert answer.content_type == "application/problem+json"
            assert (await answer.json())["type"] == "urn:tonearm:problem:unauthorized"
        async with session.post(
            address, data=b"<a/>", headers={"Authorization": f"Bearer {TOKEN}"}
        ) as answer:
            assert answer.status == 422
            assert (await answer.json())["detail"] == "CPIX: the root element is not CPIX"
    assert key_store(home).list() == []


async def test_a_server_needs_a_token_that_is_nobody_elses(home: Path, token_file: Path) -> None:
    status, said = await tonearm(home, "speke", "--port", "0")
    assert status == click.UsageError.exit_code
    assert "--token-file" in said
    token_file.chmod(0o644)
    status, said = await tonearm(home, "speke", "--port", "0", "--token-file", str(token_file))
    assert (status, said) == (6, f"tonearm: {token_file}: mode 0644 lets others in; chmod 600 it\n")
    token_file.chmod(0o600)
    for nonsense in (b"", b"two\nlines", b"\xff"):
        token_file.write_bytes(nonsense)
        status, said = await tonearm(home, "speke", "--port", "0", "--token-file", str(token_file))
        assert (status, said) == (2, f"tonearm: {token_file}: one line of ASCII is expected\n")


async def test_a_port_that_is_taken(home: Path, token_file: Path) -> None:
    async with listening(application("other", []), "127.0.0.1", 0) as port:
        status, said = await tonearm(home, "speke", "--port", str(port), "--token-file", str(token_file))
    assert status == SettingsError.exit_code
    assert f"cannot listen on 127.0.0.1:{port}" in said


@dataclass
class Context:
    console: Console


async def fetched(*arguments: str) -> Result:
    """``keys fetch`` in a thread of its own, for it brings an event loop along."""
    context = Context(Console(file=io.StringIO(), width=40))
    return await asyncio.to_thread(CliRunner().invoke, keys, ["fetch", *arguments], obj=context)


@pytest.mark.parametrize(
    ("token", "sent"), [("abc", "Bearer abc"), ("Basic dXNlcjpw", "Basic dXNlcjpw"), (None, None)]
)
async def test_servers_of_others_know_us_by_other_headers(
    tmp_path: Path, token: str | None, sent: str | None
) -> None:
    asked: list[tuple[str | None, bytes]] = []

    async def record(request: web.Request) -> web.Response:
        asked.append((request.headers.get("Authorization"), await request.read()))
        return web.Response(status=403, text=TOKEN)

    out = tmp_path / "keys.xml"
    async with listening(application("theirs", [web.post("/keys", record)]), "127.0.0.1", 0) as port:
        options = f"http://127.0.0.1:{port}/keys?tenant=secret", "--content-id", "song", "--out", str(out)
        result = await fetched(
            *options, *(["--token", token] if token else []), "--per-rendition", "low, high"
        )
    assert isinstance(result.exception, UpstreamFailed)
    assert str(result.exception) == "key server 127.0.0.1: status 403"
    assert not out.exists()
    ((authorization, body),) = asked
    assert authorization == sent
    question = read(body)
    # What SPEKE has, and nothing else: filters on audio, and track types.
    assert [(rule.intended_track_type, [each.kind for each in rule.filters]) for rule in question.rules] == [
        ("low", ["AudioFilter"]),
        ("high", ["AudioFilter"]),
    ]
    assert all(key.key is None for key in question.keys)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--scheme", "cenc"], "FairPlay does not decrypt 'cenc'"),
        (["--per-rendition", "low,low"], "each is named once"),
        (["--per-rendition", "low+high"], "none with a +"),
        (["--per-rendition", "low,"], "'' is no name"),
        (["--content-id", "a\nb"], r"'a\nb' is no name"),
    ],
)
async def test_questions_that_make_no_sense(tmp_path: Path, options: list[str], reason: str) -> None:
    arguments = "https://keys.invalid/", "--content-id", "song", "--out", str(tmp_path / "keys.xml")
    result = await fetched(*arguments, *options)
    assert isinstance(result.exception, SettingsError)
    assert reason in str(result.exception)


async def test_a_file_that_is_there_stays_and_no_server_is_asked(tmp_path: Path) -> None:
    out = tmp_path / "keys.xml"
    out.write_text("mine")
    result = await fetched("http://127.0.0.1:1/", "--content-id", "song", "--out", str(out))
    assert str(result.exception) == f"{out}: File exists"
    assert out.read_text() == "mine"


def test_kids_are_told_apart_by_all_that_they_follow_from() -> None:
    kids = {
        kid_for(*each)
        for each in (("a", "cbcs", "low"), ("b", "cbcs", "low"), ("a", "cenc", "low"), ("a", "cbcs", "x"))
    }
    assert len(kids) == 4
    # RFC 9562 §5.5, by hand: another version of us must ask for the same.
    name = bytes.fromhex("419618f5894245ed99d359a872e0d601") + b"a\0cbcs\0low"
    digest = bytearray(hashlib.sha1(name).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80
    assert kid_for("a", "cbcs", "low").bytes == bytes(digest)
