"""Two songs of an album on our page: what comes out of Chromium is the end of the one and then the beginning of the other."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy
import pytest

pytestmark = [pytest.mark.soak, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HERE = Path(__file__).parent
# How far off each sample may be: decoders of AAC and Opus carry a little of one song over into the next.
EXACT = {"aac": 0.02, "opus": 0.02, "flac": 4e-5}


@pytest.mark.parametrize("codec", ["aac", "opus", "flac"])
async def test_no_sample_lies_between_two_songs(
    codec: str, chromium: Any, shelf: Any, shelf_stage: Any
) -> None:
    halves = [f"{codec}-half-{number}" for number in (1, 2)]
    rate = shelf.songs[halves[0]].sample_rate
    first, second = (next(iter(shelf.sounds[half].values())) for half in halves)
    join = len(first) / rate
    context = await chromium.new_context(bypass_csp=True)  # for the recorder's own worklet
    page = await context.new_page()
    await page.goto(shelf_stage.url)
    await page.evaluate((HERE.parent / "recorder.js").read_text(), rate)
    await page.click(f"[data-song='{halves[0]}'] button")
    reached = "(({ buffered: b }) => b.length ? b.end(b.length - 1) : 0)(document.querySelector('audio'))"
    await page.wait_for_function(f"{reached} > {join} + 1")
    await page.evaluate(f"document.querySelector('audio').currentTime = {join} - 0.8")
    await page.wait_for_function(f"document.querySelector('audio').currentTime > {join} + 0.6")
    await page.evaluate("recorded.now()")
    sound = numpy.frombuffer(b64decode(await page.evaluate("recorded.take()")), dtype="<f4").astype(float)
    assert await page.locator(".now-title").inner_text() == halves[1]
    await context.close()
    heard = sound[numpy.flatnonzero(sound)[0] :]
    whole = numpy.concatenate([first, second])
    at = _place(heard[-8192:-2048], whole) - (len(heard) - 8192)
    # From half a second before the join on: the playhead came there by a seek.
    begin = len(first) - rate // 2
    heard = heard[begin - at :]
    assert len(heard) > rate
    off = numpy.abs(heard - whole[begin : begin + len(heard)])
    assert off.max() < EXACT[codec], (
        f"unlike from sample {begin - len(first) + int(off.argmax())} after the join on"
    )


def _place(piece: Any, whole: Any) -> int:
    """Where in the whole the piece lies, by cross-correlation."""
    size = 1 << (len(whole) + len(piece)).bit_length()
    product = numpy.fft.irfft(numpy.fft.rfft(whole, size) * numpy.fft.rfft(piece, size).conj(), size)
    return int(numpy.argmax(product[: len(whole) - len(piece)]))
