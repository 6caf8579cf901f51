"""What is played most, told to neighbours and learned from them.

    {"songs": [{"song": "id/version", "rendition": "normal", "streams": 812}, …]}        most played first

An edge writes it to a file every ten minutes, and its control door has it as ``GET /popular``. A new edge of the region begins with what the others play
most, instead of with nothing: their list is its first order.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from edge_sim.edge.upstream import named_errors
from edge_sim.edge.warming.popular import Popular
from edge_sim.edge.warming.warming import Warming
from media import layout
from media.errors import UpstreamFailed
from media.serving import error_log
from media.song import SONG_ID

EVERY_S = 600.0
LISTED = 1000  # songs of a list
_LARGEST = 1 << 20  # bytes of one


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`source` is a file or the address of a control door, empty for none, of which the first `songs` are warmed. `file` is where
    to write, `token` opens the door.
    """

    source: str = ""
    songs: int = 100
    file: Path | None = None
    token: str = ""


def written(popular: Popular, most: int = LISTED) -> bytes:
    songs = []
    for key, streams in popular.top(most):
        _, song_id, version, _, rendition = key.split("/")
        songs.append({"song": f"{song_id}/{version}", "rendition": rendition, "streams": streams})
    return json.dumps({"songs": songs}).encode()


def read(text: bytes, most: int) -> list[tuple[str, str]]:
    """Folders and renditions, most played first. Raises `UpstreamFailed` for what is no such list."""
    try:
        songs = json.loads(text)["songs"][:most]
        found = [(*str(each["song"]).split("/"), str(each["rendition"])) for each in songs]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UpstreamFailed("not a list of popular songs") from None
    for each in found:
        if len(each) != 3 or not SONG_ID.fullmatch(each[0]) or not layout.VERSION.fullmatch(each[1]):
            raise UpstreamFailed(f"{'/'.join(each)[:80]!r} is no song of a version")
    return [(layout.folder(song_id, version), rendition) for song_id, version, rendition in found]


async def load(source: str, session: aiohttp.ClientSession, token: str) -> bytes:
    """A file, or what a neighbour's control door says. Raises `UpstreamFailed`."""
    if not source.startswith(("http://", "https://")):
        try:
            return await asyncio.to_thread(Path(source).read_bytes)
        except OSError as error:
            raise UpstreamFailed(str(error.strerror)) from None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{source.rstrip('/')}/popular"
    with named_errors("popular"):
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            text = await response.content.read(_LARGEST)
            if response.status != 200:
                raise UpstreamFailed(f"answered {response.status}")
            return text


async def begin(told: Neighbours, warming: Warming, session: aiohttp.ClientSession) -> None:
    """Warm the starts of the songs that neighbours list, one after another. What goes wrong is a line in the log."""
    try:
        songs = read(await load(told.source, session, told.token), told.songs)
    except UpstreamFailed as error:
        error_log.error("popular songs of %s: %s", told.source, error)
        return
    for folder, rendition in songs:
        async with aclosing(warming.warm(folder, "start", [rendition], "popular")) as paths:
            async for _ in paths:
                pass


async def keep(
    popular: Popular, file: Path | None, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Every ten minutes, write `file` and let what was popular fade; until cancelled."""
    while True:
        await pause(EVERY_S)
        if file is not None:
            try:
                await asyncio.to_thread(_replace, file, written(popular))
            except OSError as error:
                error_log.error("popular songs to %s: %s", file, error.strerror)
        popular.fade()


def _replace(file: Path, text: bytes) -> None:
    """Readers see the old list or the new one, and no half."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(text)
    os.replace(fresh, file)
