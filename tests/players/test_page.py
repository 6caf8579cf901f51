"""Our own page, as a listener meets it: every protection, joins without a hole, another quality, trouble and keys."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy
import pytest
from playwright.async_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HERE = Path(__file__).parent
CLIPS = ["clip-aes-128", "clip-cbcs", "clip-cenc", "clip-none"]
RATE = 44100
UNIT = 1024
PITCH = 441
RANGES = """(({ buffered: b }) => Array.from({ length: b.length }, (_, i) => [b.start(i), b.end(i)]))(
    document.querySelector('audio'))"""
SOUNDS = "document.querySelector('audio').currentTime > 0.3 && meter.loudest > 0.02"


async def enter(page: Page, root: str) -> None:
    await page.goto(root)
    await page.wait_for_selector(".song")


async def press(page: Page, song_id: str) -> None:
    await page.click(f"[data-song='{song_id}'] button")


async def until(page: Page, condition: str, timeout: float = 20) -> None:
    """Waits for `condition` inside the page. (Playwright's own way is an eval, which the page's policy refuses.)"""
    look = f"new Promise((done) => {{ const look = () => ({condition}) ? done() : setTimeout(look, 20); look(); }})"
    try:
        await asyncio.wait_for(page.evaluate(look), timeout)
    except TimeoutError:
        pytest.fail(f"not within {timeout} s: {condition}")


async def texts(page: Page, selector: str) -> list[str]:
    return await page.locator(selector).all_inner_texts()


@pytest.mark.parametrize("song", CLIPS)
async def test_a_press_makes_it_sound_and_says_how_long_that_took(
    stage: Any, watched: Any, song: str
) -> None:
    page = watched.page
    await stage.ready(song)
    await enter(page, stage.url)
    await page.evaluate((HERE / "meter.js").read_text())
    await press(page, song)
    await until(page, SOUNDS)
    await until(page, "document.querySelector('.total').textContent.endsWith('ms')")
    spans = {line.split("\n")[0] for line in await texts(page, ".spans li")}
    assert spans == {"bundle", "append", "first sound"}
    assert await page.locator(f"[data-song='{song}'].current.moving").count() == 1
    assert await page.locator(".problem").is_hidden()
    assert watched.complaints == []


async def test_a_source_buffer_takes_a_bundle_as_it_came(stage: Any, watched: Any) -> None:
    """The box with the words at its head is one that a parser skips (ISO/IEC 14496-12 §4.2.2)."""
    page = watched.page
    bundle = await stage.ready("clip-none")
    await enter(page, stage.url)
    append = """async (hex) => {
      const source = new MediaSource();
      document.createElement('audio').src = URL.createObjectURL(source);
      await new Promise((resolve) => source.addEventListener('sourceopen', resolve, { once: true }));
      const buffer = source.addSourceBuffer('audio/mp4; codecs="mp4a.40.2"');
      const done = new Promise((resolve, reject) => {
        buffer.addEventListener('updateend', resolve);
        buffer.addEventListener('error', () => reject(new Error('refused')));
      });
      buffer.appendBuffer(Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16)));
      await done;
      return [buffer.buffered.length, buffer.buffered.start(0), buffer.buffered.end(0)];
    }"""
    count, start, end = await page.evaluate(append, bundle.hex())
    assert (count, start) == (1, 0)
    assert end > 0.3


@pytest.mark.parametrize("song", CLIPS)
async def test_a_bundle_without_media_costs_a_round_trip_and_no_start(
    stage: Any, watched: Any, song: str
) -> None:
    page = watched.page

    async def words_alone(route: Any) -> None:
        whole = await (await route.fetch()).body()
        await route.fulfill(body=whole[: int.from_bytes(whole[:4], "big")])

    await page.route(f"**/{song}/start?*", words_alone)
    await enter(page, stage.url)
    await page.evaluate((HERE / "meter.js").read_text())
    await press(page, song)
    await until(page, SOUNDS)
    await until(page, "document.querySelector('.total').textContent.endsWith('ms')")
    spans = {line.split("\n")[0] for line in await texts(page, ".spans li")}
    assert spans == {"bundle", "presentation", "init", "segment", "append", "first sound"}
    assert watched.complaints == []


async def test_a_press_says_what_the_network_gave_before(stage: Any, watched: Any) -> None:
    page, asked = watched.page, []
    page.on("request", lambda request: asked.append(request.url) if "/start?" in request.url else None)
    await enter(page, stage.url)
    await press(page, "clip-none")
    await until(page, f"({RANGES})[0]?.[1] > 5")  # segments came, and with them a measure
    async with page.expect_request("**/clip-cenc/start?*"):
        await press(page, "clip-cenc")  # which is not what follows
    first = next(url for url in asked if "/clip-none/" in url)
    later = next(url for url in asked if "/clip-cenc/" in url)
    assert parse_qs(urlsplit(first).query) == {}
    said = parse_qs(urlsplit(later).query)
    assert int(said["mtp"][0]) > 100
    assert 0 <= int(said["rtt"][0]) < 10_000


async def test_only_a_listener_who_wants_it_has_starts_fetched_ahead(stage: Any, watched: Any) -> None:
    page, asked = watched.page, []
    page.on("request", lambda request: asked.append(request.url) if "/start?" in request.url else None)
    await stage.ready("clip-cbcs")
    await enter(page, stage.url)
    await page.locator("[data-song='clip-cbcs']").hover()
    await press(page, "clip-none")
    await until(page, "document.querySelector('.total').textContent.endsWith('ms')")
    measured = (await page.locator(".total").inner_text()).removesuffix("ms").strip()
    assert not [each for each in asked if "/clip-cbcs/" in each]

    wish = page.get_by_label("Fetch the first note when I point at a song")
    await wish.check()
    async with page.expect_request("**/clip-cbcs/start?*"):
        await page.locator("[data-song='clip-cbcs']").hover()
    await press(page, "clip-cbcs")
    await until(page, "document.querySelector('.total').textContent.endsWith('ms, fetched ahead')")
    assert sum("/clip-cbcs/" in each for each in asked) == 1
    await press(page, "clip-aes-128")
    await until(page, "document.querySelector('.history').textContent.startsWith('before: ')")
    assert await page.locator(".instrument.start .history").first.inner_text() == f"before: {measured}"
    await page.reload()
    await press(page, "clip-none")
    assert await wish.is_checked()


async def test_a_queue_of_every_protection_is_one_piece_of_exact_length(stage: Any, watched: Any) -> None:
    """The songs follow each other on one timeline, encrypted or not, and the end is the end of the last sample."""
    page = watched.page
    await enter(page, stage.url)
    queue = [await row.get_attribute("data-song") for row in await page.locator(".song").all()]
    assert set(queue) == set(stage.songs)
    exact = stage.seconds(*queue)
    await press(page, queue[0])
    await until(page, "document.querySelector('audio').currentTime > 0.2")
    await until(page, f"({RANGES})[0][1] > 25")  # what is skipped before it came stays away, as it should
    # As soon as the last song lies on the timeline, this is its end.
    await page.evaluate("document.querySelector('audio').currentTime = 20")
    await until(page, f"Math.abs(document.querySelector('audio').duration - {exact}) < 0.001")
    await page.evaluate(f"document.querySelector('audio').currentTime = {exact} - 12")
    await until(page, f"({RANGES}).at(-1)[1] > {exact} - 0.001")
    await page.evaluate(f"document.querySelector('audio').currentTime = {exact} - 0.4")
    await until(page, "document.querySelector('audio').ended")
    [[start, end]] = await page.evaluate(RANGES)
    assert (start, end) == (0, pytest.approx(exact, abs=0.001))
    assert await page.locator(".now-title").inner_text() == "Half 2"
    await until(page, "document.querySelector('.toggle').ariaLabel === 'Play'")
    assert watched.complaints == []


async def test_between_two_songs_not_a_sample_is_lost_or_added(stage: Any, chromium: Browser) -> None:
    """A steady tone, cut in two songs: what comes out of the decoder is still one steady tone."""
    context = await chromium.new_context(bypass_csp=True)  # for the recorder's own worklet
    page = await context.new_page()
    await enter(page, stage.url)
    await page.evaluate((HERE / "recorder.js").read_text(), RATE)
    await press(page, "tone-1")
    await until(page, "document.querySelector('audio').currentTime > 0.1")
    join = stage.seconds("tone-1")
    await until(page, f"({RANGES})[0][1] > {join} + 1")
    await page.evaluate(f"document.querySelector('audio').currentTime = {join} - 0.8; recorded.clear()")
    await until(page, f"document.querySelector('audio').currentTime > {join} + 0.8")
    sound = numpy.frombuffer(b64decode(await page.evaluate("recorded.take()")), dtype="<f4")
    assert await page.locator(".now-title").inner_text() == "Half 2"
    await context.close()

    sound = sound[len(sound) - round(1.5 * RATE) :]
    loud = numpy.flatnonzero(numpy.abs(sound) > 0.01)
    assert numpy.diff(loud).max() <= 2, (
        "so many samples of silence"
    )  # the tone itself crosses zero within one
    windows = sound[: len(sound) // UNIT * UNIT].reshape(-1, UNIT)
    times = numpy.arange(windows.size).reshape(-1, UNIT) / RATE
    turned = (windows * numpy.exp(-2j * numpy.pi * PITCH * times)).mean(axis=1)
    # The encoder begins the second half from silence, as it must: that costs a little of one access unit's level.
    assert numpy.abs(turned).min() > 0.8 * numpy.abs(turned).max()
    samples = numpy.unwrap(numpy.angle(turned)) * RATE / (2 * numpy.pi * PITCH)
    assert abs(samples[-5:].mean() - samples[:5].mean()) < 0.5, "the tone is shifted by that many samples"


async def test_another_quality_is_heard_soon_and_the_song_stays_whole(stage: Any, watched: Any) -> None:
    page = watched.page
    await enter(page, stage.url)
    await page.evaluate((HERE / "meter.js").read_text())
    await press(page, "clip-cbcs")
    await until(page, SOUNDS)
    assert await texts(page, "select option") == [
        "Auto", "Low · 24 kbit/s", "Normal · 96 kbit/s", "High · 160 kbit/s", "Very high · 320 kbit/s",
    ]  # fmt: skip
    await page.select_option("select", "low")
    await until(page, "document.querySelector('.quality-now').textContent === 'Low · 24 kbit/s'")
    await page.evaluate("meter.loudest = 0")
    await until(page, "meter.loudest > 0.02")
    [[start, _]] = await page.evaluate(RANGES)
    assert start == 0
    assert await page.locator(".lane:first-child .q-low").count() >= 1
    assert watched.complaints == []


async def test_search_suggests_finds_and_plays_by_keys_alone(stage: Any, watched: Any) -> None:
    page = watched.page
    await enter(page, stage.url)
    await page.keyboard.press("/")
    await page.keyboard.type("zith")
    await until(page, "document.querySelectorAll('[role=option]').length > 0")
    await page.keyboard.press("ArrowDown")
    box = page.get_by_role("combobox", name="Search the library")
    assert await box.get_attribute("aria-activedescendant") == "suggestion-0"
    await page.keyboard.press("Enter")
    await until(page, "document.querySelector('.found h2')?.textContent === '2 songs for “Zither”'")
    await page.get_by_role("button", name="Play Half 2 by Zither").press("Enter")
    await until(page, "document.querySelector('audio').currentTime > 0.1")

    slider = page.get_by_role("slider", name="Position")
    await slider.press("Home")
    await until(page, "document.querySelector('audio').currentTime < 2")
    await slider.press("End")
    await until(page, "document.querySelector('audio').ended")
    await page.get_by_role("button", name="Back to the library").click()
    assert await page.locator(".album").count() == 2
    assert watched.complaints == []


async def test_the_space_bar_holds_and_goes_on(stage: Any, watched: Any) -> None:
    page = watched.page
    await enter(page, stage.url)
    await press(page, "clip-none")
    await until(page, "document.querySelector('audio').currentTime > 0.1")
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press(" ")
    await until(page, "document.querySelector('audio').paused")
    await until(page, "document.querySelector('.toggle').ariaLabel === 'Play'")
    await page.keyboard.press(" ")
    await until(page, "!document.querySelector('audio').paused")
    await until(page, "document.querySelector('.toggle').ariaLabel === 'Pause'")


async def test_trouble_is_one_line_and_trying_again_helps(stage: Any, watched: Any) -> None:
    page = watched.page
    await enter(page, stage.url)
    await page.route("**/start?*", lambda route: route.fulfill(
        status=403, content_type="application/problem+json", body='{"detail": "the token has expired"}'
    ))  # fmt: skip
    await press(page, "clip-cbcs")
    await until(page, "!document.querySelector('.problem').hidden")
    assert await page.locator(".problem-text").inner_text() == "the token has expired"
    await page.unroute("**/start?*")
    await page.click(".retry")
    await until(page, "document.querySelector('audio').currentTime > 0.2")
    assert await page.locator(".problem").is_hidden()


async def test_a_short_loss_of_the_network_is_not_heard(stage: Any, watched: Any) -> None:
    page = watched.page
    await enter(page, stage.url)
    lost: list[str] = []

    async def lose(route: Any) -> None:
        lost.append(route.request.url)
        await route.abort()

    await page.route("**/00003.m4s", lose, times=2)
    await press(page, "clip-none")
    await until(page, f"({RANGES})[0]?.[1] > 8.9")
    assert len(lost) == 2
    assert await page.locator(".problem").is_hidden()


async def test_a_song_that_sounds_goes_on_when_its_presentation_fails_once(stage: Any, watched: Any) -> None:
    page = watched.page
    await stage.ready("clip-none")
    await enter(page, stage.url)
    refused: list[str] = []

    async def refuse(route: Any) -> None:
        refused.append(route.request.url)
        await route.fulfill(status=503)

    await page.route("**/presentation.json", refuse, times=1)
    await press(page, "clip-none")
    await until(page, f"({RANGES})[0]?.[1] > 8.9")
    assert len(refused) == 1
    assert await page.locator(".problem").is_hidden()


async def test_a_press_while_a_song_is_on_its_way_asks_for_nothing_anew(stage: Any, watched: Any) -> None:
    page, asked, go = watched.page, [], asyncio.Event()

    async def hold(route: Any) -> None:
        asked.append(route.request.url)
        await go.wait()
        await route.continue_()

    await enter(page, stage.url)
    await page.route("**/clip-none/start?*", hold)
    await press(page, "clip-none")
    await press(page, "clip-none")
    go.set()
    await until(page, "document.querySelector('audio').currentTime > 0.2")
    assert len(asked) == 1
    assert watched.complaints == []


async def test_a_session_that_has_ended_is_opened_anew(stage: Any, watched: Any) -> None:
    page = watched.page
    await enter(page, stage.url)
    await page.evaluate("sessionStorage.setItem('tonearm.token', 'of yesterday')")
    await page.reload()
    await press(page, "clip-none")
    await until(page, "document.querySelector('audio').currentTime > 0.2")


async def test_a_long_catalogue_comes_page_by_page_and_is_one_queue(stage: Any, watched: Any) -> None:
    page = watched.page

    async def two_at_a_time(route: Any) -> None:
        await route.continue_(url=route.request.url.replace("limit=100", "limit=2"))

    await page.route("**/v1/songs?*", two_at_a_time)
    await enter(page, stage.url)
    await until(page, "document.querySelectorAll('.song').length === 6")
    assert await texts(page, ".album-head p") == [
        "Aeolian Harp · 4 songs · 0:36",
        "Zither · 2 songs · 0:06",
    ]
    await press(page, "tone-1")
    await until(page, "document.querySelector('audio').currentTime > 0.1")
    await page.get_by_role("button", name="Next").click()
    await until(page, "document.querySelector('.now-title').textContent === 'Half 2'")
    assert await page.get_by_role("button", name="Next").is_disabled()
    await page.get_by_role("button", name="Previous").click()
    await until(page, "document.querySelector('.now-title').textContent === 'Half 1'")


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
async def test_nothing_sticks_out_and_everything_has_a_name(stage: Any, watched: Any, width: int) -> None:
    page = watched.page
    await page.set_viewport_size({"width": width, "height": 844})
    await enter(page, stage.url)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    nameless = await page.evaluate(
        """[...document.querySelectorAll("button, input, select, [role=slider]")].filter(
            (e) => !e.getAttribute("aria-label") && !e.textContent.trim() && !e.labels?.[0]?.textContent.trim()
        ).map((e) => e.outerHTML)"""
    )
    assert nameless == []
