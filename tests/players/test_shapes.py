"""Our own page and presentations of every shape: Opus, AAC beside FLAC, keys of their own, one file for each rendition."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import wave
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Response, Route

import web
from commands.package import put
from drm.key_store import KeyStore
from drm.master_key import load_master_key
from ingest.ffmpeg import find_ffmpeg
from media import start_bundle
from media.access_units import Encoded
from media.presentation import Presentation
from media.registry import open_store
from media.serving import application, listening
from packager.keys import Keys, KeySource, no_keys
from packager.song import Recipe, package_files

pytestmark = [pytest.mark.soak, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
Js = Callable[..., Coroutine[Any, Any, Any]]

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
SCHEMES = ("none", "cbcs", "cenc", "aes-128")
FILES = {
    "normal.m4a": ("-ac", "2", "-c:a", "aac", "-b:a", "96k"),
    "high.m4a": ("-ac", "2", "-c:a", "aac", "-b:a", "160k"),
    "master.flac": ("-ac", "2"),
    "only.opus": ("-ac", "2", "-c:a", "libopus", "-b:a", "96k"),
}
SONGS = {
    "opus": (["only.opus"], False),
    "mixed": (["normal.m4a", "high.m4a", "master.flac"], False),
    "file": (["normal.m4a", "high.m4a", "master.flac"], True),
}
RATE, SECONDS, PITCH = 44100, 20, 441
RANGES = """(({ buffered: b }) => Array.from({ length: b.length }, (_, i) => [b.start(i), b.end(i)]))(
    document.querySelector('audio'))"""
TIME = "document.querySelector('audio').currentTime"
NOW = "document.querySelector('.quality-now').textContent.startsWith('{}')"
WINDOW = 1000  # samples: ten whole periods of the tone


def own_keys(key_store: KeyStore) -> KeySource:
    """A key for each rendition, as a CPIX document may say, out of the key store that `serve` opens."""

    def find(encoded: Sequence[Encoded], scope: str) -> Keys:
        return Keys({each.name: key_store.for_scope(f"{scope}.{each.name}") for each in encoded})

    return find


@dataclass(frozen=True)
class Shapes:
    """`url` is the served page's."""

    url: str
    songs: dict[str, Presentation]

    def seconds(self, song_id: str) -> float:
        song = self.songs[song_id]
        return song.samples / song.sample_rate


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shapes(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shapes]:
    folder = tmp_path_factory.mktemp("shapes")
    home, store = folder / "home", open_store(f"file:{folder / 'store'}")
    home.mkdir()
    keys = own_keys(KeyStore(home / "keys", load_master_key(home, None)))
    encode(folder)
    songs: dict[str, Presentation] = {}
    for shape, (files, one_file) in SONGS.items():
        for scheme in SCHEMES:
            packed = package_files(
                [folder / name for name in files],
                recipe=Recipe(scheme, one_file=one_file),
                keys=no_keys if scheme == "none" else keys,
                words={"title": f"{shape} {scheme}"},
                song_id=f"{shape}-{scheme}",
            )
            await put(store, packed)
            songs[f"{shape}-{scheme}"] = packed.presentation
    await store.close()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "serve", "--store", folder / "store", "--port", "0",
        cwd=ROOT,
        env=os.environ | {"TONEARM_HOME": str(home)},
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stderr is not None
    line = (await asyncio.wait_for(server.stderr.readline(), 30)).decode()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line
    rest = asyncio.create_task(server.stderr.read())  # a full pipe would stop the server
    yield Shapes(found.group(), songs)
    server.send_signal(signal.SIGTERM)
    await asyncio.wait_for(server.wait(), 20)
    await rest


def encode(folder: Path) -> None:
    """One steady tone in every codec, with some noise: without it FLAC would be smaller than AAC."""
    master = folder / "tone.wav"
    tone = 0.4 * numpy.sin(2 * numpy.pi * PITCH * numpy.arange(SECONDS * RATE) / RATE)
    tone += numpy.random.default_rng(1).normal(0, 0.003, len(tone))
    with wave.open(str(master), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((tone * 32767).astype("<i2").tobytes())
    for name, options in FILES.items():
        command = [find_ffmpeg().path, "-v", "error", "-i", master, *options, folder / name]
        subprocess.run(command, check=True, timeout=60)


@dataclass
class Visit:
    """A page that is open, what went wrong on it, and what it was answered."""

    page: Page
    complaints: list[str]
    answers: list[Response]

    async def press(self, song_id: str) -> None:
        await self.page.click(f"[data-song='{song_id}'] button")

    async def until(self, condition: str, timeout: float = 20) -> None:
        look = f"new Promise((d) => {{ const look = () => ({condition}) ? d() : setTimeout(look, 20); look(); }})"
        try:
            await asyncio.wait_for(self.page.evaluate(look), timeout)
        except TimeoutError:
            pytest.fail(f"not within {timeout} s: {condition}; {self.complaints}; {await self.trouble()}")

    async def trouble(self) -> str:
        problem = self.page.locator(".problem")
        return await problem.inner_text() if await problem.is_visible() else ""

    async def sounds(self) -> None:
        """Time goes on and what comes out is the tone."""
        await self.page.evaluate("meter.loudest = 0")
        since = await self.page.evaluate(TIME)
        await self.until(f"{TIME} > {since} + 0.2 && meter.loudest > 0.1")

    def media(self, song_id: str) -> list[Response]:
        """The next song may be on its way, too."""
        return [each for each in self.answers if f"/songs/{song_id}/" in each.url and "/audio/" in each.url]


@pytest_asyncio.fixture(loop_scope="session")
async def visit(shapes: Shapes, watched: Any) -> Visit:
    answers: list[Response] = []
    watched.page.on("response", lambda answer: answers.append(answer))  # a method of a list takes no note
    await watched.page.goto(shapes.url)
    await watched.page.wait_for_selector(".song")
    await watched.page.evaluate((HERE / "meter.js").read_text())
    return Visit(watched.page, watched.complaints, answers)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("shape", SONGS)
async def test_every_shape_sounds_to_its_exact_end_and_nothing_is_asked_in_vain(
    shapes: Shapes, visit: Visit, shape: str, scheme: str
) -> None:
    song = f"{shape}-{scheme}"
    exact = shapes.seconds(song)
    await visit.press(song)
    await visit.until(f"{TIME} > 0.1")
    await visit.sounds()
    await visit.until(f"({RANGES})[0][1] > {exact} - 0.001")
    [[start, end]] = await visit.page.evaluate(RANGES)
    assert start == 0
    assert end == pytest.approx(exact, abs=0.001) or end > exact  # the next song may have joined already
    assert [each.url for each in visit.answers if each.status >= 400] == []
    assert {each.status for each in visit.media(song)} == ({206} if shape == "file" else {200})
    assert await visit.trouble() == ""
    assert visit.complaints == []


@pytest.mark.parametrize("shape", ["mixed", "file"])
async def test_all_keys_of_a_song_come_with_its_bundle(shapes: Shapes, visit: Visit, shape: str) -> None:
    await visit.press(f"{shape}-cbcs")
    await visit.until(f"{TIME} > 0.1")
    (start, *_) = [each for each in visit.answers if f"/{shape}-cbcs/start?" in each.url]
    words, _ = start_bundle.read(await start.body())
    assert len(shapes.songs[f"{shape}-cbcs"].kids) == len(words["license"]["keys"]) == 3
    assert not [each.url for each in visit.answers if "/licence/" in each.url or "/keys/" in each.url]


async def test_a_start_out_of_one_file_takes_one_request_for_media(shapes: Shapes, visit: Visit) -> None:
    """Where the bundle brings none."""

    async def words_alone(route: Any) -> None:
        whole = await (await route.fetch()).body()
        await route.fulfill(body=whole[: int.from_bytes(whole[:4], "big")])

    await visit.page.route("**/file-cbcs/start?*", words_alone)
    await visit.press("file-cbcs")
    await visit.until("document.querySelector('.total').textContent.endsWith('ms')")
    first = shapes.songs["file-cbcs"].rendition("normal").segments[0]
    ranges = [await each.request.header_value("range") for each in visit.media("file-cbcs")]
    assert ranges[0] == f"bytes=0-{first.offset + first.size - 1}"
    assert not [each for each in ranges[1:] if each.startswith("bytes=0-")]


@pytest.mark.parametrize("song", ["mixed-none", "mixed-aes-128", "file-cbcs", "file-cenc"])
async def test_lossless_is_the_listeners_choice_and_the_song_stays_whole(
    shapes: Shapes, visit: Visit, song: str
) -> None:
    page, exact = visit.page, shapes.seconds(song)
    whole = f"({RANGES}).length === 1 && ({RANGES})[0][1] > {exact} - 0.001"
    await visit.press(song)
    await visit.until(whole)
    options = await page.locator(".quality option").all_inner_texts()
    assert [option.split(" · ")[0] for option in options] == ["Auto", "Normal", "High", "Lossless"]
    assert "Lossless" in await page.locator(".legend").inner_text()
    assert not [each.url for each in visit.media(song) if "/audio/master/" in each.url]

    await page.select_option(".quality select", "master")
    await visit.until(NOW.format("Lossless"))
    await visit.sounds()
    await visit.until(whole)  # no hole where the codec changes
    assert await page.locator(".lane:first-child .q-lossless").count() >= 1
    await page.select_option(".quality select", "auto")
    await page.select_option(".quality select", "normal")
    await visit.until(NOW.format("Normal"))
    await visit.sounds()
    await visit.until(whole)
    assert await visit.trouble() == ""
    assert visit.complaints == []


async def test_another_rendition_is_chosen_when_the_grant_has_expired(shapes: Shapes, visit: Visit) -> None:
    """Half an hour after the start the token opens nothing any more. The key of its own that the rendition has came with the bundle."""
    refused: list[str] = []

    async def refuse(route: Route) -> None:
        refused.append(route.request.url)
        await route.fulfill(status=403, content_type="application/problem+json", body='{"detail": "expired"}')

    await visit.press("mixed-aes-128")
    await visit.until(f"{TIME} > 0.1")
    await visit.page.route("**/mixed-aes-128/*/audio/master/*", refuse, times=1)
    await visit.page.select_option(".quality select", "master")
    await visit.until(NOW.format("Lossless"))
    assert len(refused) == 1
    assert not [each.url for each in visit.answers if "/keys/" in each.url]
    assert await visit.trouble() == ""


async def test_a_change_of_codec_loses_and_adds_no_sample(shapes: Shapes, chromium: Browser) -> None:
    """A steady tone across the boundary from AAC to FLAC is still one steady tone."""
    context = await chromium.new_context(bypass_csp=True)  # for the recorder's own worklet
    visit = Visit(await context.new_page(), [], [])
    await visit.page.goto(shapes.url)
    await visit.page.evaluate((HERE / "recorder.js").read_text(), RATE)
    await visit.press("mixed-none")
    await visit.until(f"{TIME} > 0.5")
    await visit.page.select_option(".quality select", "master")
    await visit.until(NOW.format("Lossless"))
    since = await visit.page.evaluate(TIME)
    await visit.until(f"{TIME} > {since} + 0.5")
    sound = numpy.frombuffer(b64decode(await visit.page.evaluate("recorded.take()")), dtype="<f4")
    sound = sound[len(sound) - round(1.5 * RATE) :]
    await context.close()
    loud = numpy.flatnonzero(numpy.abs(sound) > 0.02)
    assert numpy.diff(loud).max() <= 4, "so many samples of silence"
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
    times = numpy.arange(windows.size).reshape(-1, WINDOW) / RATE
    turned = (windows * numpy.exp(-2j * numpy.pi * PITCH * times)).mean(axis=1)
    assert numpy.abs(turned).min() > 0.95 * numpy.abs(turned).max()
    samples = numpy.unwrap(numpy.angle(turned)) * RATE / (2 * numpy.pi * PITCH)
    assert abs(samples[-5:].mean() - samples[:5].mean()) < 0.5, "the tone is shifted by that many samples"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def js(chromium: Browser) -> AsyncIterator[Js]:
    """``await js("expression over the exports of qualities.js", argument)``"""
    page = await chromium.new_page()
    async with listening(application("test", web.routes()), "127.0.0.1", 0) as port:
        await page.goto(f"http://127.0.0.1:{port}/player/icon.svg")

        async def run(expression: str, argument: Any = None) -> Any:
            code = f"async (x) => {{ const m = await import('/player/qualities.js'); return {expression}; }}"
            return await page.evaluate(code, argument)

        yield run
        await page.close()


def renditions(**codecs: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "codec": codec, "bitrate": 1000 * place}
        for place, (name, codec) in enumerate(codecs.items())
    ]


async def test_the_page_chooses_within_the_family_of_the_start(js: Js) -> None:
    both = renditions(low="mp4a.40.5", normal="mp4a.40.2", lossless="fLaC", hires="fLaC")
    names = "m.ladderOf(...x).map((each) => each.name)"
    assert await js(names, [both, "normal"]) == ["low", "normal"]
    assert await js(names, [both, "hires"]) == ["lossless", "hires"]
    assert await js(names, [both[2:], "normal"]) == ["lossless", "hires"]  # the start does not play here


async def test_what_does_not_play_here_is_left_out(js: Js) -> None:
    mixed = renditions(alac="alac", normal="mp4a.40.2", opus="opus", lossless="fLaC")
    assert await js("m.playable(x).map((each) => each.name)", mixed) == ["normal", "opus", "lossless"]
    said = await js("(() => { try { m.playable(x) } catch (error) { return error.message } })()", mixed[:1])
    assert said == "This browser does not play alac."


async def test_names_and_colours(js: Js) -> None:
    ladder = renditions(low="mp4a.40.2", song="opus", very_high="mp4a.40.2", master="fLaC", more="opus")
    assert await js("x.map(m.nameOf)", ladder) == ["Low", "song", "Very high", "Lossless", "more"]
    tones = await js("x.map((each) => m.toneOf(each, x))", ladder)
    assert tones == ["low", "low", "very_high", "lossless", "normal"]
