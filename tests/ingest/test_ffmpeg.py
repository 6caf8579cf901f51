"""Finding ffmpeg, and running it so that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from ingest.ffmpeg import Ffmpeg, find_ffmpeg, run, source
from media.errors import SettingsError, TranscodeFailed

ENDLESS = ["-re", "-f", "lavfi", "-i", "anullsrc", "-f", "null", "-"]


def program(folder: Path, text: str, name: str = "ffmpeg") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_the_one_found_can_do_our_work(ffmpeg: Ffmpeg) -> None:
    assert os.access(ffmpeg.path, os.X_OK)
    assert ffmpeg.version


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo hello", "is not ffmpeg"),
        ("exit 3", "does not run"),
        ("echo ffmpeg version 4.4.1 Copyright; echo --enable-libsoxr", "5.1 is needed"),
        ("echo ffmpeg version 7.1 Copyright", "without the soxr resampler"),
    ],
)
def test_a_chosen_one_that_will_not_do_is_an_error(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        find_ffmpeg(program(tmp_path, text))


def test_a_chosen_one_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SettingsError, match="no-such-ffmpeg"):
        find_ffmpeg("no-such-ffmpeg")


def test_the_path_comes_first_but_only_if_it_will_do(
    tmp_path: Path, ffmpeg: Ffmpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    program(old, "echo ffmpeg version 4.2 Copyright; echo --enable-libsoxr")
    good = program(new, "echo ffmpeg version N-99999-gabc Copyright; echo --enable-libsoxr")
    monkeypatch.setenv("PATH", f"{old}:/nowhere")
    assert find_ffmpeg().path not in (str(old / "ffmpeg"), good)
    monkeypatch.setenv("PATH", f"{new}:{old}")
    assert find_ffmpeg() == Ffmpeg(good, "N-99999-gabc")


async def test_progress_and_exit_code(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    seen: list[int] = []
    arguments = ["-f", "lavfi", "-i", "anullsrc=r=48000", "-t", "2", "-f", "null", "-"]
    finished = await run(ffmpeg, arguments, cwd=tmp_path, timeout=60, on_progress=seen.append)
    assert finished.code == 0
    assert finished.complaints == []
    assert seen[-1] == 2_000_000
    assert seen == sorted(seen)


async def test_a_failure_says_why(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    finished = await run(
        ffmpeg, ["-i", source(tmp_path / "none.wav"), "-f", "null", "-"], cwd=tmp_path, timeout=60
    )
    assert finished.code != 0
    assert "No such file" in finished.complaints[0]
    assert "0x" not in finished.complaints[0]


async def test_standard_error_is_bounded(tmp_path: Path) -> None:
    noisy = program(tmp_path, "yes '[error] x' | head -c 3000000 >&2; echo '[error] last' >&2")
    finished = await run(Ffmpeg(noisy, ""), [], cwd=tmp_path, timeout=60)
    assert len(finished.stderr) <= 64 * 1024
    assert finished.complaints[-1] == "[error] last"


async def test_a_time_limit_kills_and_reaps(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    before = children()
    with pytest.raises(TranscodeFailed, match=r"not done after 0\.2 s"):
        await run(ffmpeg, ENDLESS, cwd=tmp_path, timeout=0.2)
    assert children() == before


async def test_cancelling_kills_and_reaps(ffmpeg: Ffmpeg, tmp_path: Path) -> None:
    before = children()
    started = asyncio.Event()
    task = asyncio.create_task(
        run(ffmpeg, ENDLESS, cwd=tmp_path, timeout=60, on_progress=lambda _: started.set())
    )
    await started.wait()
    assert len(children() - before) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == before


def children() -> set[str]:
    """Process ids of this thread's children, zombies included (Linux): servers that other tests started among them."""
    return set(Path("/proc/thread-self/children").read_text().split())
