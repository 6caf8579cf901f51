"""Opus and FLAC under every protection, renditions of one file, with a key each, and DRM systems beside ClearKey, in every player.

What one player has to play it plays at the same time, a page for each song: it waits for its sound more than for the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = [pytest.mark.soak, pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

HLS, DASH = ("hls.js", "shaka-player HLS"), ("dash.js", "shaka-player DASH")


@pytest.fixture
def every(chromium: Any, shelf_stage: Any, plays: Callable[..., Any]) -> Callable[..., Any]:
    """A listener's minute with each of the songs."""

    async def one(player: str, song: str) -> str:
        qualities = len(shelf_stage.songs[song].renditions)
        page = await chromium.new_page()
        try:
            await plays(
                page, shelf_stage, player, await shelf_stage.grant(song), shelf_stage.seconds(song), qualities
            )
        except Exception as error:
            return f"{song}: {error}"
        finally:
            await page.close()
        return ""

    async def run(player: str, songs: list[str]) -> list[str]:
        return [
            trouble for trouble in await asyncio.gather(*(one(player, song) for song in songs)) if trouble
        ]

    return run


@pytest.mark.parametrize("codec", ["opus", "flac"])
@pytest.mark.parametrize("player", [*HLS, *DASH])
async def test_a_standard_player_plays(player: str, codec: str, every: Callable[..., Any]) -> None:
    schemes = ("none", "cbcs", "cenc", *(("aes-128",) if player in HLS else ()))  # DASH has no AES-128
    assert await every(player, [f"{codec}-{scheme}" for scheme in schemes]) == []


@pytest.mark.parametrize("player", [*HLS, *DASH])
async def test_a_rendition_may_be_one_file(player: str, every: Callable[..., Any]) -> None:
    assert await every(player, ["aac-one-file", "opus-one-file", "flac-one-file"]) == []


@pytest.mark.parametrize("player", [*HLS, *DASH])
async def test_other_drm_systems_are_no_hindrance_to_clearkey(player: str, every: Callable[..., Any]) -> None:
    assert await every(player, ["aac-drm-cbcs", "aac-drm-cenc"]) == []


# In DASH each key has an AdaptationSet of its own: there is no list of qualities to choose from.
@pytest.mark.parametrize("player", HLS)
async def test_each_rendition_may_have_a_key_of_its_own(player: str, every: Callable[..., Any]) -> None:
    assert await every(player, ["aac-keys"]) == []
