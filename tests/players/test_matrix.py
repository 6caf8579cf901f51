"""The standard players judge our manifests and segments: every protection that they can play, in real Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

UNIT = 1024  # samples of an access unit; players play the padding of the last one
HERE = Path(__file__).parent
# dash.js pauses while it replaces what is buffered, and a seek at that moment leaves it so: a listener presses play again.
PRESS_ON = "() => { const a = document.querySelector('audio'); if (a.paused && !a.ended) a.play(); }"
PAGE = "<!doctype html><title>Harness</title><audio></audio>"
# What plays where: docs/decisions and FACTS. DASH has no whole-segment AES-128.
MATRIX = [
    *(("hls.js", scheme) for scheme in ("none", "cbcs", "cenc", "aes-128")),
    *(("dash.js", scheme) for scheme in ("none", "cbcs", "cenc")),
    *(("shaka-player HLS", scheme) for scheme in ("none", "cbcs", "cenc", "aes-128")),
    *(("shaka-player DASH", scheme) for scheme in ("none", "cbcs", "cenc")),
]


async def enter(page: Page, root: str, libraries: dict[str, Path]) -> None:
    """The harness at the server's own address, so that players meet no rule that listeners would not."""
    url = f"{root}/harness/"
    await page.route(url, lambda route: route.fulfill(content_type="text/html", body=PAGE))
    await page.goto(url)
    for path in [*libraries.values(), HERE / "harness.js"]:
        await page.add_script_tag(path=path)
    await page.evaluate((HERE / "meter.js").read_text())


@pytest.mark.parametrize(("player", "scheme"), MATRIX)
async def test_a_standard_player_plays(
    player: str, scheme: str, stage: Any, watched: Any, libraries: dict[str, Path]
) -> None:
    page = watched.page
    await enter(page, stage.url, libraries)
    song = f"clip-{scheme}"
    complaint = await page.evaluate(
        "([player, grant]) => start(player, grant)", [player, await stage.grant(song)]
    )
    assert complaint is None

    # It sounds: time goes on, and what comes out is music.
    await page.wait_for_function(
        "document.querySelector('audio').currentTime > 0.5 && meter.loudest > 0.02 || complaint()",
        timeout=15_000,
    )
    assert await page.evaluate("complaint()") is None
    assert await page.evaluate("announced[0]") == pytest.approx(stage.seconds(song), abs=0.001)

    assert await page.evaluate("document.querySelector('audio').buffered.start(0)") == 0

    # Another quality, and still music.
    assert await page.evaluate("player.qualities()") == 4
    await page.evaluate("window.switched = document.querySelector('audio').currentTime; player.choose(0)")
    await page.wait_for_function(
        "player.playing() === 0 && document.querySelector('audio').currentTime > switched + 0.2 || complaint()",
        timeout=15_000,
    )

    # To the end: the last samples are there, and the element says that it is over.
    await page.evaluate("meter.loudest = 0; document.querySelector('audio').currentTime = 8.2")
    await page.wait_for_function(f"({PRESS_ON})() || window.ended || complaint()", timeout=15_000)
    assert await page.evaluate("complaint()") is None
    assert await page.evaluate("meter.loudest") > 0.02
    end = await page.evaluate(
        "(({ buffered }) => buffered.end(buffered.length - 1))(document.querySelector('audio'))"
    )
    assert end == pytest.approx(stage.seconds(song), abs=UNIT / 44100)
