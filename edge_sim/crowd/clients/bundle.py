"""Our own player with the start bundle: one round trip from the press to the first sound; the presentation follows while that plays."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urljoin
from uuid import UUID

from drm.clearkey import key_in
from edge_sim.crowd.clients.presentation import OwnPlayer, first, presentation
from edge_sim.crowd.clients.score import Ask, Opened, Score, Track, near
from edge_sim.player.connection import Connection
from media import start_bundle


class Bundle:
    """Follows `edge_sim.crowd.clients.score.Client`. From the middle of a song it goes by the grant."""

    streaming_format = "o"

    async def open(self, connection: Connection, ask: Ask) -> Opened:
        if ask.at:
            return await OwnPlayer().open(connection, ask)
        query = {name: value for name, value in (("mtp", ask.mtp), ("rendition", ask.likely)) if value}
        url = ask.url("start") + (f"?{urlencode(query)}" if query else "")
        words, media = start_bundle.read(await connection.get("bundle", url, headers=ask.session))
        opening, base = words["rendition"], words["base_url"]
        absolute = {
            name: urljoin(base, words[name]) for name in ("presentation_url", "license_url") if words[name]
        }
        grant = near(words | absolute, ask.root)
        if media:
            init, segment = media[: opening["init"]["size"]], media[opening["init"]["size"] :]
        else:
            init, segment = await first(connection, grant, opening, ask)
        key = _key(words, opening)
        there = connection.stopwatch()
        score = await presentation(connection, grant["presentation_url"], ask)
        return Opened(
            grant, score, score.index(opening["name"]), init, segment, key, there, clear=bool(media)
        )

    async def track(self, connection: Connection, score: Score, index: int) -> Track:
        return score.tracks[index]


def _key(words: dict[str, Any], opening: dict[str, Any]) -> bytes | None:
    """Of the rendition that begins, out of the licence that came along."""
    if words["license"] is None:
        return None
    return key_in(words["license"], UUID(opening["kid"]))
