"""Press play, as a listener's player does, and measure until the first audible sample.

What a listener did long before (logging in, choosing a song) is no part of a start. What needs nothing of each other
is fetched at the same time, as a good player would: the segment beside the init segment and the key.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urljoin, urlsplit
from uuid import UUID

from drm.clearkey import encoded, key_in
from edge_sim.abr import abr as make_abr
from edge_sim.player.bundle import bundle
from edge_sim.player.choice import Choice
from edge_sim.player.connection import Connection, SocketFactory, Stopwatch, connections, shown
from edge_sim.player.dash import dash
from edge_sim.player.decode import first_sound
from edge_sim.player.descriptor import descriptor
from edge_sim.player.entrance import Entrance, understood
from edge_sim.player.hls import hls
from edge_sim.player.index import first_subsegment
from edge_sim.player.waterfall import Kind, Span, Waterfall
from media.errors import FormatError, SettingsError, UpstreamFailed
from media.presentation import Presentation
from packager.fragments import Init, read_init

# How a manifest is read, by its suffix.
READERS: dict[str, Callable[[Connection, str, str], Awaitable[Entrance]]] = {
    ".m3u8": hls,
    ".mpd": dash,
    ".json": descriptor,
}
_SONG = re.compile(r"/v1/songs/[^/]+/(?:stream|start)")


@dataclass(frozen=True, slots=True)
class Player:
    """What to play: a manifest, or a song of an API, from its start bundle or from the `manifest` that a grant names.

    An empty `rendition` leaves the choice to the song.
    """

    url: str
    rendition: str = ""
    manifest: str = "bundle"
    session: Mapping[str, str] = field(default_factory=dict, repr=False)

    async def start(self, connection: Connection, kind: Kind) -> Waterfall:
        """One start over `connection`. Raises `UpstreamFailed` and `FormatError`."""
        connection.spans.clear()
        begin = connection.stopwatch()
        if self.manifest == "bundle" and _SONG.fullmatch(urlsplit(self.url).path):
            url = _asking(self.url, "start")
            entrance, there = await bundle(connection, url, self.rendition, self.session)
        else:
            url, rendition = await self._granted(connection)
            reader = READERS.get(_suffix(url))
            if reader is None:
                raise FormatError(f"grant: {shown(url)}: not a manifest's address")
            with understood(url):
                entrance, there = await reader(connection, url, rendition or "normal"), None
        if self.rendition and f"/{self.rendition}/" not in entrance.segment:
            raise SettingsError(f"{shown(url)}: no rendition {self.rendition!r}")
        segment, init, key = there or await _objects(connection, entrance)
        decode = connection.stopwatch()
        samples, peak = first_sound(segment, init, entrance, key)
        connection.spans.append(Span("decode", decode, connection.stopwatch()))
        spans = (
            replace(span, start_ns=span.start_ns - begin, stop_ns=span.stop_ns - begin)
            for span in connection.spans
        )
        return Waterfall(
            kind,
            tuple(sorted(spans, key=lambda span: (span.start_ns, span.stop_ns))),
            samples,
            peak,
            segment=shown(entrance.segment),
            protection="aes-128" if entrance.iv or entrance.decrypted else init.scheme,
        )

    async def choice(self, connection: Connection, abr: str) -> Choice:
        """Whoever chooses renditions by `abr`, one of `edge_sim.abr.NAMES`. Raises `SettingsError` for a manifest's address."""
        if self.rendition or not _SONG.fullmatch(urlsplit(self.url).path):
            raise SettingsError(
                f"{shown(self.url)}: to choose a rendition takes a song of an API, and no other choice"
            )
        url, _ = await replace(self, manifest="presentation")._granted(connection)
        return Choice.of(Presentation.from_json(await connection.get("presentation", url)), make_abr(abr))

    async def _granted(self, connection: Connection) -> tuple[str, str]:
        """The manifest's address and the rendition to begin with."""
        if not _SONG.fullmatch(urlsplit(self.url).path):
            return self.url, self.rendition
        asked = _asking(self.url, "stream")
        grant = _json(await connection.get("grant", asked, headers=self.session), asked)
        try:
            url = (
                grant["presentation_url"]
                if self.manifest == "presentation"
                else grant["manifests"][self.manifest]
            )
            rendition = self.rendition or grant["start_rendition"]
        except (KeyError, TypeError) as error:
            raise FormatError(f"grant: {shown(self.url)}: no {error}") from None
        return str(url), str(rendition)


async def play(
    url: str,
    *,
    runs: int = 1,
    rendition: str = "",
    manifest: str = "bundle",
    user: str = "",
    password: str = "",
    seed: int | None = None,
    stopwatch: Stopwatch = time.perf_counter_ns,
    make_socket: SocketFactory | None = None,
    abr: str = "",
) -> tuple[Waterfall, ...]:
    """`runs` starts, cold and warm in turn: over a new connection, and over the one that is open then.

    `url` is a server's root, a song's ``…/start`` or ``…/stream``, or a manifest. At a root the first song plays, or with `seed` a random one.
    With `abr` (a name of `edge_sim.abr`) each start of an API's song begins with the rendition that the ones before it suggest.
    """
    async with connections(stopwatch, make_socket) as connection:
        player = await _prepare(connection, url, rendition, manifest, user, password, seed)
        choice = await player.choice(connection, abr) if abr else None
    waterfalls: list[Waterfall] = []
    async with AsyncExitStack() as stack:
        for number in range(runs):
            kind: Kind = "warm" if number % 2 else "cold"
            if kind == "cold":
                await stack.aclose()
                connection = await stack.enter_async_context(connections(stopwatch, make_socket))
            if choice:
                player = replace(player, rendition=choice.next())
            waterfalls.append(await player.start(connection, kind))
            if choice:
                choice.started(waterfalls[-1])
    return tuple(waterfalls)


async def _prepare(
    connection: Connection,
    url: str,
    rendition: str,
    manifest: str,
    user: str,
    password: str,
    seed: int | None,
) -> Player:
    """What happens before anyone presses play: logging in and choosing a song."""
    path = urlsplit(url).path
    if _suffix(url) in READERS:
        return Player(url, rendition)
    if path not in ("", "/") and not _SONG.fullmatch(path):
        raise SettingsError(
            f"{shown(url)}: neither a server's root, nor /v1/songs/…/start, nor .m3u8, .mpd or presentation.json"
        )
    if user:
        document = {"email": user, "password": password}
        answer = await connection.post("session", urljoin(url, "/v1/sessions"), document)
    else:
        answer = await connection.post("session", urljoin(url, "/v1/sessions/guest"), {})
    session = {"Authorization": f"Bearer {_json(answer, url).get('access_token', '')}"}
    if path in ("", "/"):
        page = _json(await connection.get("songs", urljoin(url, "/v1/songs?limit=100"), headers=session), url)
        try:
            songs = [str(song["song_id"]) for song in page["items"]]
        except (LookupError, TypeError):
            raise FormatError(f"songs: {shown(url)}: no list of songs") from None
        if not songs:
            raise UpstreamFailed(f"{shown(url)}: there are no songs")
        song = songs[0] if seed is None else random.Random(seed).choice(songs)  # noqa: S311  no secret
        url = urljoin(url, f"/v1/songs/{quote(song, safe='')}/stream")
    return Player(url, rendition, manifest, session)


async def _objects(connection: Connection, entrance: Entrance) -> tuple[bytes, Init, bytes | None]:
    """Segment, init segment and key, each as soon as its address is known."""
    try:
        async with asyncio.TaskGroup() as group:
            segment = group.create_task(_segment(connection, entrance))
            init = group.create_task(connection.get("init", entrance.init, part=entrance.init_range))
            key = group.create_task(_key(connection, entrance, init))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return segment.result(), read_init(init.result()), key.result()


async def _segment(connection: Connection, entrance: Entrance) -> bytes:
    """The first segment. Where only an index knows its place, that is one round trip more."""
    part = entrance.segment_range
    if entrance.index_range is not None:
        index = await connection.get("index", entrance.segment, part=entrance.index_range)
        part = first_subsegment(index, entrance.index_range)
    return await connection.get("segment", entrance.segment, part=part)


async def _key(connection: Connection, entrance: Entrance, init: asyncio.Task[bytes]) -> bytes | None:
    """The content key. A ClearKey licence is asked by KID, which may only stand in the init segment."""
    address = entrance.key
    if address is None:
        return None
    if address.kind == "raw":
        key = await connection.get("key", address.url)
    else:
        kid = address.kid or read_init(await init).kid
        if kid is None:
            raise FormatError(f"init: {shown(entrance.init)}: no KID, and the manifest wants a licence")
        key = await _licence(connection, address.url, kid)
    if len(key) != 16:
        raise FormatError(f"key: {shown(address.url)}: {len(key)} bytes, a key has 16")
    return key


async def _licence(connection: Connection, url: str, kid: UUID) -> bytes:
    """W3C Encrypted Media Extensions, §9.1.3 and §9.1.4."""
    question = {"kids": [encoded(kid)], "type": "temporary"}
    return key_in(_json(await connection.post("licence", url, question), url), kid)


def _json(content: bytes, url: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise FormatError(f"{shown(url)}: a JSON object is expected")
    return document


def _asking(url: str, what: str) -> str:
    """A song's address, to ask its ``start`` or its ``stream``."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rpartition("/")[0] + "/" + what).geturl()


def _suffix(url: str) -> str:
    try:
        dot = urlsplit(url).path.rpartition("/")[2].rpartition(".")
    except ValueError:
        return ""
    return dot[1] + dot[2]
