"""The load runner: real locust, real listeners, a real edge; and never against somebody else's machine."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.load import main
from benchmarks.loopback import require_loopback


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


@pytest.mark.parametrize("scheme", ["cbcs", "aes-128"])
async def test_listeners_start_and_listen(stage, tone, scheme):
    stage.publish(tone, scheme)
    status, out, err = await load(stage)
    assert status == 0, out + err
    assert re.search(r"start time +p50 \d+ ms, p95 \d+ ms, p99 \d+ ms \(\d+ starts\)", out)
    hits, requests = map(float, re.search(r"hit ratio +([\d.]+)% of (\d+) requests", out).groups())
    assert hits > 25
    assert requests > 5
    assert re.search(r"failures +0 of \d+ requests", out)
    asked = {question.path for question in stage.origin.heard}
    assert {f"songs/a-song/0123456789abcdef/audio/normal/{number:05d}.m4s" for number in (1, 2)} <= asked
    key = stage.key_name if scheme == "aes-128" else stage.licence_name
    assert stage.origin.asked(key)
    assert "audio/high" not in " ".join(asked)


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


async def test_failures_are_named_and_counted(stage, tone):
    stage.publish(tone)
    stage.origin.forgets("audio/normal/00001.m4s")
    status, out, _ = await load(stage, songs=3)
    assert status == 1
    assert "no song started" in out
    assert "× GET …/[segment].m4s: " in out


async def load(stage, songs: int = 12) -> tuple[int | None, str, str]:
    arguments = ["--users", "3", "--songs", "15", "--seconds", "60", "--compression", "30"]
    return await run("benchmarks.load", "--host", f"{stage.talk.base}/", *arguments)


async def run(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
