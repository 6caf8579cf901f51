"""The stage of the browser tests: short songs under every protection, served as a person serves them, and a Chromium.

Everything is real: `tonearm serve` in a process of its own, Debian's Chromium without a screen, the standard players as
their registry has them. All of it starts once and lives in one event loop of the session, as Playwright wants it.

Without a browser (or, for the standard players, without npm) these tests skip and say so; under
TONEARM_REQUIRE_BROWSER=1, as in CI, that is a failure.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from drm.key_store import KeyStore
from drm.master_key import load_master_key
from ingest.ffmpeg import Ffmpeg, find_ffmpeg
from media.registry import open_store
from pipeline import Outcome, Recipe, Services, publish_master

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LIBRARIES = {
    "hls.js": "hls.js/dist/hls.min.js",
    "dash.js": "dashjs/dist/modern/umd/dash.all.min.js",
    "shaka.js": "shaka-player/dist/shaka-player.compiled.js",
}
SCHEMES = ("none", "cbcs", "cenc", "aes-128")
SECONDS = 9  # a first segment, and two of the long ones
RATE = 44100
CUT = 3 * RATE + 777  # where the tone is cut in two: no boundary of anything


def missing(reason: str) -> None:
    """Skip, or fail where a browser is promised."""
    if os.environ.get("TONEARM_REQUIRE_BROWSER") == "1":
        pytest.fail(f"{reason}, and TONEARM_REQUIRE_BROWSER=1", pytrace=False)
    pytest.skip(reason)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    program = os.environ.get("TONEARM_CHROMIUM") or shutil.which("chromium")
    if program is None:
        missing("no chromium on the PATH (TONEARM_CHROMIUM names one)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            headless=True,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--autoplay-policy=no-user-gesture-required",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield browser
        await browser.close()


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    complaints: list[str]


@pytest_asyncio.fixture(loop_scope="session")
async def watched(chromium: Browser) -> AsyncIterator[Watched]:
    """A page of a fresh profile; errors in its scripts and refusals of its policy are collected."""
    context = await chromium.new_context(viewport={"width": 1280, "height": 800})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield Watched(page, complaints)
    await context.close()


@pytest.fixture(scope="session")
def libraries() -> dict[str, Path]:
    """The standard players, by the name under which the harness asks for them; fetched when they are not there yet."""
    folder = HERE / "node_modules"
    if not (folder / ".package-lock.json").is_file():
        npm = shutil.which("npm")
        if npm is None:
            missing("no npm to fetch the standard players with")
        done = subprocess.run(
            [npm, "ci", "--loglevel=error"], cwd=HERE, capture_output=True, text=True, timeout=100
        )
        if done.returncode:
            missing(f"npm could not fetch the standard players: {done.stderr.strip()[:200]}")
    return {name: folder / path for name, path in LIBRARIES.items()}


@dataclass(frozen=True)
class Stage:
    """`url` is the served page's; `songs` are the outcomes by song id."""

    url: str
    songs: dict[str, Outcome]

    async def grant(self, song_id: str) -> dict[str, Any]:
        async with aiohttp.ClientSession(self.url, raise_for_status=True) as client:
            async with client.post("/v1/sessions/guest") as answer:
                token = (await answer.json())["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            async with client.get(f"/v1/songs/{song_id}/stream", headers=headers) as answer:
                grant: dict[str, Any] = await answer.json()
        return grant

    def seconds(self, *song_ids: str) -> float:
        songs = [self.songs[song_id] for song_id in song_ids]
        return sum((song.samples or 0) / (song.sample_rate or 1) for song in songs)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(
    chromium: Browser, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    ffmpeg = find_ffmpeg()
    home, store = folder / "home", folder / "store"
    clip = _clip(request, folder, ffmpeg)
    wanted = {f"clip-{scheme}": (clip, scheme) for scheme in SCHEMES}
    wanted |= {f"tone-{number}": (_tone(folder, ffmpeg, number), "cbcs") for number in (1, 2)}
    services = Services(open_store(f"file:{store}"), _keys(home), ffmpeg)
    outcomes = [
        await publish_master(master, recipe=Recipe(scheme=scheme), services=services, song_id=song_id)
        for song_id, (master, scheme) in wanted.items()
    ]
    assert [outcome.reason for outcome in outcomes if not outcome.good] == []
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "serve", "--store", store, "--port", "0",
        cwd=ROOT,
        env=os.environ | {"TONEARM_HOME": str(home)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stderr is not None
    line = (await asyncio.wait_for(server.stderr.readline(), 30)).decode()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    rest = asyncio.create_task(server.stderr.read())  # a full pipe would stop the server
    yield Stage(found.group(), dict(zip(wanted, outcomes, strict=True)))
    server.send_signal(signal.SIGTERM)
    await asyncio.wait_for(server.wait(), 20)
    await rest


def _keys(home: Path) -> KeyStore:
    home.mkdir()
    return KeyStore(home / "keys", load_master_key(home, None))


def _clip(request: pytest.FixtureRequest, folder: Path, ffmpeg: Ffmpeg) -> Path:
    """Some seconds out of the middle of a real song; where there is none, a made one."""
    clip = folder / "clip.flac"
    try:
        source = [
            *("-ss", "20", "-t", str(SECONDS)),
            "-i",
            request.getfixturevalue("good_masters") / "main-theme.flac",
        ]
    except pytest.skip.Exception:
        t = numpy.arange(SECONDS * RATE) / RATE
        chord = sum(numpy.sin(2 * numpy.pi * pitch * t) for pitch in (220, 277.18, 329.63))
        source = ["-i", _wav(folder / "clip.wav", chord * numpy.exp(-(t % 0.75) * 3) / 6)]
    tags = ("-metadata", "artist=Aeolian Harp", "-metadata", "album=Clips", "-metadata", "title=Clip")
    _run(ffmpeg, *source, "-map", "0:a", "-map_metadata", "-1", *tags, clip)
    return clip


def _tone(folder: Path, ffmpeg: Ffmpeg, number: int) -> Path:
    """One steady tone of 441 Hz, cut in two at a sample: what lies between the halves can be heard and measured."""
    tone = 0.5 * numpy.sin(2 * numpy.pi * 441 * numpy.arange(2 * CUT) / RATE)
    half = tone[:CUT] if number == 1 else tone[CUT:]
    made = folder / f"tone-{number}.flac"
    tags = ("artist=Zither", "album=Tone", f"title=Half {number}", f"track={number}")
    _run(
        ffmpeg,
        *("-i", _wav(folder / f"tone-{number}.wav", half)),
        *(part for tag in tags for part in ("-metadata", tag)),
        made,
    )
    return made


def _wav(path: Path, sound: Any) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((numpy.stack([sound, sound], axis=1) * 32767).astype("<i2").tobytes())
    return path


def _run(ffmpeg: Ffmpeg, *arguments: str | Path) -> None:
    subprocess.run([ffmpeg.path, "-v", "error", *arguments], check=True, timeout=60)
