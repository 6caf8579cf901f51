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
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from benchmarks.starts.browser import ARGUMENTS, program
from drm.key_store import KeyStore
from drm.master_key import load_master_key
from ingest.ffmpeg import Ffmpeg, find_ffmpeg
from media import start_bundle
from media.registry import open_store
from pipeline import Recipe, Services, publish_master

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
LIBRARIES = {
    "hls.js": "hls.js/dist/hls.min.js",
    "dash.js": "dashjs/dist/modern/umd/dash.all.min.js",
    "shaka.js": "shaka-player/dist/shaka-player.compiled.js",
}
PAGE = "<!doctype html><title>Harness</title><audio></audio>"
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
    found = program()
    if found is None:
        missing("no chromium on the PATH (TONEARM_CHROMIUM names one)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, headless=True, args=list(ARGUMENTS))
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


@pytest.fixture(scope="session")
def harness(libraries: dict[str, Path]) -> Callable[[Page, str], Awaitable[None]]:
    """Opens the page of `harness.js` at a server's own address, so that players meet no rule that listeners would not."""

    async def enter(page: Page, root: str) -> None:
        url = f"{root}/harness/"
        await page.route(url, lambda route: route.fulfill(content_type="text/html", body=PAGE))
        await page.goto(url)
        for path in [*libraries.values(), HERE / "harness.js"]:
            await page.add_script_tag(path=path)

    return enter


# dash.js pauses while it replaces what is buffered, and a seek at that moment leaves it so: a listener presses play again.
PRESS_ON = "() => { const a = document.querySelector('audio'); if (a.paused && !a.ended) a.play(); }"
FRAME = (
    4608 / 44100
)  # seconds of the longest access unit, one of FLAC; players play the padding of the last one


@pytest.fixture(scope="session")
def plays(harness: Callable[[Page, str], Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """A listener's minute with a player: it sounds, says how long the song is, changes its quality, seeks, and ends."""

    async def run(
        page: Page, stage: Stage, player: str, grant: dict[str, Any], seconds: float, qualities: int
    ) -> None:
        await harness(page, stage.url)
        await page.evaluate((HERE / "meter.js").read_text())
        complaint = await page.evaluate("([player, grant]) => start(player, grant)", [player, grant])
        assert complaint is None

        # It sounds: time goes on, and what comes out is music.
        await page.wait_for_function(
            "document.querySelector('audio').currentTime > 0.3 && meter.loudest > 0.02 || complaint()",
            timeout=15_000,
        )
        assert await page.evaluate("complaint()") is None
        assert await page.evaluate("announced[0]") == pytest.approx(seconds, abs=0.001)
        assert await page.evaluate("document.querySelector('audio').buffered.start(0)") == 0

        # Another quality, and still music.
        assert await page.evaluate("player.qualities()") == qualities
        await page.evaluate("window.switched = document.querySelector('audio').currentTime; player.choose(0)")
        await page.wait_for_function(
            "player.playing() === 0 && document.querySelector('audio').currentTime > switched + 0.1 || complaint()",
            timeout=15_000,
        )

        # To the end: the last samples are there, and the element says that it is over.
        await page.evaluate(
            f"meter.loudest = 0; document.querySelector('audio').currentTime = {seconds - 0.6}"
        )
        await page.wait_for_function(f"({PRESS_ON})() || window.ended || complaint()", timeout=15_000)
        assert await page.evaluate("complaint()") is None
        assert await page.evaluate("meter.loudest") > 0.02
        end = await page.evaluate(
            "(({ buffered }) => buffered.end(buffered.length - 1))(document.querySelector('audio'))"
        )
        assert end == pytest.approx(seconds, abs=FRAME)

    return run


async def readied(client: aiohttp.ClientSession, song_id: str) -> bytes:
    """A start bundle with its media in it: asked for until the server has read that, however busy the machine is."""
    async with client.post("/v1/sessions/guest") as answer:
        headers = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
    while True:
        async with client.get(f"/v1/songs/{song_id}/start", headers=headers) as answer:
            bundle = await answer.read()
        if start_bundle.read(bundle)[1]:
            return bundle


@dataclass(frozen=True)
class Stage:
    """`url` is the served page's; `songs` are the outcomes, or the presentations, by song id."""

    url: str
    songs: Mapping[str, Any]

    async def grant(self, song_id: str) -> dict[str, Any]:
        async with aiohttp.ClientSession(self.url, raise_for_status=True) as client:
            async with client.post("/v1/sessions/guest") as answer:
                token = (await answer.json())["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            async with client.get(f"/v1/songs/{song_id}/stream", headers=headers) as answer:
                grant: dict[str, Any] = await answer.json()
        return grant

    async def ready(self, song_id: str) -> bytes:
        """See `readied`."""
        async with aiohttp.ClientSession(self.url, raise_for_status=True) as client:
            return await readied(client, song_id)

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
    async with _served(home, store) as url:
        yield Stage(url, dict(zip(wanted, outcomes, strict=True)))


Serve = Callable[[Path, Path, Mapping[str, Any]], AbstractAsyncContextManager[Stage]]


@pytest.fixture(scope="session")
def serve() -> Serve:
    """A stage of songs that a test published itself: ``async with serve(home, store, songs) as stage``."""

    @asynccontextmanager
    async def stage(home: Path, store: Path, songs: Mapping[str, Any]) -> AsyncIterator[Stage]:
        async with _served(home, store) as url:
            yield Stage(url, songs)

    return stage


@asynccontextmanager
async def _served(home: Path, store: Path) -> AsyncIterator[str]:
    """`tonearm serve` in a process of its own; gives its address."""
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
    yield found.group()
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
