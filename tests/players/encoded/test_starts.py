"""A start from a bundle on our page: the first sample that is heard is the song's first, and none is lost where the bundle ends."""

from __future__ import annotations

import io
from base64 import b64decode
from pathlib import Path
from typing import Any

import av
import numpy
import pytest

from media import start_bundle
from media.boxes import parse
from tests.players.encoded.test_no_sample_lost import (
    HEAD,
    SETTLING,
    fits,
    longest_misfit,
    place,
    without_waiting,
)

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HERE = Path(__file__).parent
SONGS = [("aac", scheme) for scheme in ("none", "cbcs", "cenc", "aes-128")] + [("opus", "cbcs")]
TIME = "document.querySelector('audio').currentTime"


@pytest.mark.parametrize(
    ("codec", "scheme"),
    [
        pytest.param(*song, marks=pytest.mark.soak) if song[1] in ("cenc", "aes-128") else song
        for song in SONGS
    ],
)
async def test_every_sample_from_the_first_on_is_heard(
    codec: str, scheme: str, chromium: Any, shelf: Any, shelf_stage: Any
) -> None:
    song = f"{codec}-{scheme}"
    words, _ = start_bundle.read(await shelf_stage.ready(song))
    presentation = shelf.songs[song]
    first = presentation.rendition(words["rendition"]["name"]).segments[0]
    context = await chromium.new_context(bypass_csp=True)  # for the recorder's own worklet
    page = await context.new_page()
    await page.goto(shelf_stage.url)
    await page.evaluate((HERE.parent / "recorder.js").read_text(), presentation.sample_rate)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.click(f"[data-song='{song}'] button")
    await page.wait_for_function(f"{TIME} > {2 * first.duration / presentation.sample_rate + 1}")
    await page.evaluate("recorded.now()")
    sound = numpy.frombuffer(b64decode(await page.evaluate("recorded.take()")), dtype="<f4").astype(float)
    await context.close()
    named = [url for url in asked if f"/{song}/" in url]
    assert "/start?" in named[0]
    assert "/presentation.json" in named[1]
    assert not [url for url in named if url.endswith((first.path, "/keys/", "/clearkey"))]

    heard, sounds = without_waiting(sound), shelf.sounds[codec]
    assert len(heard) > 2 * first.duration
    begin = place(heard, sounds)
    assert begin == HEAD[codec]
    assert longest_misfit(fits(heard, begin, sounds, codec)) <= SETTLING[codec]


@pytest.mark.parametrize(
    "state", ["playing", *(pytest.param(state, marks=pytest.mark.soak) for state in ("paused", "ended"))]
)
async def test_another_song_on_the_same_pipeline_begins_with_its_first_sample(
    state: str, chromium: Any, shelf: Any, shelf_stage: Any
) -> None:
    """Whatever the song before was doing: nothing of it is left behind the first sample, and nothing of it counts as a start."""
    await shelf_stage.ready("aac-cbcs")
    context = await chromium.new_context(bypass_csp=True)
    page = await context.new_page()

    async def two_songs(route: Any) -> None:
        """Of one sample rate, as Chromium's pipeline keeps to that of its first song."""
        answer = await route.fetch()
        songs = {each["song_id"]: each for each in (await answer.json())["items"]}
        items = [songs["aac-cbcs"], songs["aac-half-2"]]
        await route.fulfill(json={"items": items, "next_cursor": None})

    await page.route("**/v1/songs?*", two_songs)
    await page.goto(shelf_stage.url)
    await page.evaluate((HERE.parent / "recorder.js").read_text(), 44100)
    await page.wait_for_selector(".song")
    await page.click("[data-song='aac-half-2'] button")
    await page.wait_for_function(f"{TIME} > 0.3")
    pipeline = await page.evaluate("document.querySelector('audio').src")
    if state == "paused":
        await page.evaluate("document.querySelector('audio').pause()")
    elif state == "ended":
        await page.wait_for_function(f"{TIME} > 1 && document.querySelector('audio').duration > 1")
        await page.evaluate(f"{TIME} = document.querySelector('audio').duration - 0.3")
        await page.wait_for_function("document.querySelector('audio').ended")
    await page.evaluate("document.querySelector('.total').textContent = ''; recorded.clear()")
    await page.click("[data-song='aac-cbcs'] button")
    await page.wait_for_function("document.querySelector('.total').textContent.endsWith('ms')")
    assert await page.evaluate(TIME) < 3
    await page.wait_for_function(f"{TIME} > 2.5 && {TIME} < 7")
    await page.evaluate("recorded.now()")
    sound = numpy.frombuffer(b64decode(await page.evaluate("recorded.take()")), dtype="<f4").astype(float)
    assert await page.evaluate("document.querySelector('audio').src") == pipeline
    await context.close()
    heard, sounds = without_waiting(sound), shelf.sounds["aac"]
    before = -place(heard, sounds)
    assert 0 <= before < 44100
    assert len(heard) - before > 2 * 44100
    assert longest_misfit(fits(heard[before:], 0, sounds, "aac")) <= SETTLING["aac"]


@pytest.mark.parametrize(("codec", "scheme"), SONGS)
async def test_others_open_it_as_a_file(codec: str, scheme: str, shelf: Any, shelf_stage: Any) -> None:
    """libav reads the whole body, box of words and all, and decodes what it can: an open song to the last sample of the segment."""
    song = f"{codec}-{scheme}"
    bundle = await shelf_stage.ready(song)
    assert len(bundle) <= start_bundle.LARGEST
    assert [box.type for box in parse(bundle)][:3] == [b"uuid", b"ftyp", b"moov"]
    words, _ = start_bundle.read(bundle)
    first = shelf.songs[song].rendition(words["rendition"]["name"]).segments[0]
    with av.open(io.BytesIO(bundle)) as container:
        [stream] = container.streams
        assert stream.codec_context.name == codec
        packets = [packet for packet in container.demux(stream) if packet.size]
    assert sum(packet.duration for packet in packets) >= first.duration
    if scheme in ("none", "aes-128"):
        with av.open(io.BytesIO(bundle)) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0))
        assert samples >= first.duration
