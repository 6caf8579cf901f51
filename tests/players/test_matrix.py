"""The standard players judge our manifests and segments: the ladder of a song, as it is published, under every protection that
they can play, in real Chromium. What was encoded elsewhere, and in other codecs, is in `encoded`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# What plays where: docs/decisions and FACTS. DASH has no whole-segment AES-128.
MATRIX = [
    *(("hls.js", scheme) for scheme in ("none", "cbcs", "cenc", "aes-128")),
    *(("dash.js", scheme) for scheme in ("none", "cbcs", "cenc")),
    *(("shaka-player HLS", scheme) for scheme in ("none", "cbcs", "cenc", "aes-128")),
    *(("shaka-player DASH", scheme) for scheme in ("none", "cbcs", "cenc")),
]


@pytest.mark.parametrize(
    ("player", "scheme"),
    [pytest.param(*each, marks=pytest.mark.soak) if each[1] == "cenc" else each for each in MATRIX],
)
async def test_a_standard_player_plays(
    player: str, scheme: str, stage: Any, watched: Any, plays: Callable[..., Any]
) -> None:
    song = f"clip-{scheme}"
    await plays(watched.page, stage, player, await stage.grant(song), stage.seconds(song), qualities=4)
