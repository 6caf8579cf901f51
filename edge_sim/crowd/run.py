"""A run: look up the catalogue, let listeners come when they are due, stop when the time is over."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy

from edge_sim.crowd.arrivals import Arrival, arrivals
from edge_sim.crowd.clients.score import document
from edge_sim.crowd.document import outcome
from edge_sim.crowd.habits import SONGS, Charts, Habits
from edge_sim.crowd.lag import Lag
from edge_sim.crowd.line import is_near, line
from edge_sim.crowd.listener import Listener
from edge_sim.crowd.notes import SLOTS, Notes
from edge_sim.crowd.settings import Place, Settings
from edge_sim.crowd.world import World
from edge_sim.links.model import exchange_ms
from edge_sim.links.network import Network
from edge_sim.player.connection import Connection, Stopwatch, shown
from media.errors import FormatError, SettingsError, UpstreamFailed

_MOST_SONGS = 10_000
_TRIES = 3
_SEGMENT_MS, _SEGMENT_BYTES = 4000, 80_000  # what a session's length is guessed with


async def run(
    settings: Settings,
    *,
    progress: Callable[[World], None] = lambda world: None,
    beside: Callable[[World], Coroutine[Any, Any, None]] | None = None,
    stopwatch: Stopwatch = time.perf_counter_ns,
) -> dict[str, Any]:
    """The outcome as a document. `progress` is called twice a second or oftener; `beside` gives a coroutine that runs along (faults).

    Raises `SettingsError` for an address that is not on this machine, `UpstreamFailed` when there is no catalogue.
    """
    for place in settings.places:
        require_near(place.url)
    lengths = await _catalogue(settings.places[0].url, stopwatch)
    world = World(settings, stopwatch, Notes(settings.milliseconds), Charts(list(lengths)), lengths)
    coming = arrivals(settings, _session_ms(world))
    gc.collect()
    gc.freeze()
    lag = Lag(stopwatch)
    world.began_ns = stopwatch()
    helpers = [asyncio.create_task(lag.watch()), asyncio.create_task(_watch(world, progress))]
    if beside is not None:
        helpers.append(asyncio.create_task(beside(world)))
    try:
        await _let_in(world, coming)
        for helper in helpers[2:]:
            await helper
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        gc.unfreeze()
    return outcome(world, lag, arrived=len(coming))


async def _let_in(world: World, coming: list[Arrival]) -> None:
    """An open loop: each comes when due, whatever became of the others. At the end those who still listen are asked to go."""
    inside: set[asyncio.Task[None]] = set()
    broken: list[BaseException] = []
    end = world.settings.milliseconds

    def ended(task: asyncio.Task[None]) -> None:
        inside.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            broken.append(error)

    for number, arrival in enumerate(coming):
        early = arrival.due_ms - world.ms()
        if early > 0:
            await asyncio.sleep(early / 1000)
        world.notes.late_ms.append(max(0, world.ms() - arrival.due_ms))
        task = asyncio.create_task(_visit(world, arrival, number))
        inside.add(task)
        task.add_done_callback(ended)
    await asyncio.sleep(max(0, end - world.ms()) / 1000)
    leaving = list(inside)
    for task in leaving:
        task.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    if broken:  # what is no listener's failure is ours, and no number would tell of it
        raise broken[0]


async def _visit(world: World, arrival: Arrival, number: int) -> None:
    settings, notes = world.settings, world.notes
    random = numpy.random.default_rng([settings.seed, number])
    place = settings.places[arrival.place]
    notes.came(place.name)
    kinds, weights = zip(*settings.clients.items(), strict=True)
    kind = str(random.choice(kinds, p=numpy.array(weights) / sum(weights)))

    def heed(tier: str, size: int) -> None:
        notes.tiers[place.name, world.slot(), tier] += 1
        notes.tier_bytes[tier] += size

    try:
        address = own_address(number) if settings.apart else ""
        network = _network(place, random)
        # They came long before they press: the connections of then are closed, and the first start opens new ones.
        async with line(world.stopwatch, address) as connection:
            session = await _enter(world, place, connection)
        if session is None:
            return
        async with line(world.stopwatch, address, heed=heed, network=network, random=random) as connection:
            habits = Habits(random)
            await Listener(world, arrival, habits, connection, arrival.place, kind, session).listen()
    finally:
        notes.listening[place.name] -= 1


async def _enter(world: World, place: Place, connection: Connection) -> dict[str, str] | None:
    """A guest's session; nothing when there is none to be had, which is a failed start."""
    for attempt in range(1, _TRIES + 1):
        try:
            return await _guest(connection, place.url)
        except (UpstreamFailed, FormatError) as error:
            world.notes.error(world.ms(), error)
            await asyncio.sleep(attempt)
    world.notes.failed[place.name, world.slot()] += 1
    world.notes.troubles.append((world.ms(), "start failed"))
    return None


async def _guest(connection: Connection, root: str) -> dict[str, str]:
    answer = document(await connection.post("session", urljoin(root, "/v1/sessions/guest"), {}), "session")
    return {"Authorization": f"Bearer {answer.get('access_token', '')}"}


def _network(place: Place, random: numpy.random.Generator) -> Network | None:
    if not place.networks:
        return None
    weights = numpy.array([share for _, _, share in place.networks])
    return place.networks[int(random.choice(len(weights), p=weights / weights.sum()))][1]


def own_address(number: int) -> str:
    """A loopback address for each listener: servers count and limit by address, and ports of one would run out.

    >>> own_address(0), own_address(254), own_address(70_000)
    ('127.1.0.1', '127.1.1.1', '127.2.20.151')
    """
    return f"127.{1 + number // 64_770 % 254}.{number // 254 % 255}.{1 + number % 254}"


def require_near(url: str) -> None:
    """Thousands of listeners are an attack on whoever does not expect them. Raises `SettingsError`."""
    host = urlsplit(url).hostname or ""
    if host != "localhost" and not is_near(host):
        raise SettingsError(f"{url}: a crowd goes to loopback and private addresses only")


async def _watch(world: World, progress: Callable[[World], None]) -> None:
    while True:
        world.notes.there(world.ms())
        progress(world)
        await asyncio.sleep(min(0.5, world.settings.seconds / SLOTS / 2))


def _session_ms(world: World) -> int:
    """How long sessions last on average, in real time: what these listeners will hear of this catalogue, a part of it at its own pace while segments come."""
    habits = Habits(numpy.random.default_rng([world.settings.seed, 0x5E55]))
    songs = [world.charts.draw(habits.random) for _ in range(1000)]
    heard = sum(habits.wish(world.lengths[song]).leave for song in songs) // len(songs)
    waits = min(heard, round(heard / _SEGMENT_MS * _exchange_ms(world.settings)))
    return SONGS * (waits + (heard - waits) // world.settings.speed)


def _exchange_ms(settings: Settings) -> float:
    """One segment's, over the networks that listeners have."""
    between = [each for place in settings.places for each in place.networks]
    if not between:
        return 1.0
    weights = sum(weight for _, _, weight in between)
    return (
        sum(
            weight * exchange_ms(_SEGMENT_BYTES, network.rtt_ms, network.kbits, network.upwards)
            for _, network, weight in between
        )
        / weights
    )


async def _catalogue(root: str, stopwatch: Stopwatch) -> dict[str, int]:
    """Song ids as the API lists them, with their lengths in ms."""
    found: dict[str, int] = {}
    async with line(stopwatch) as connection:
        headers = await _guest(connection, root)
        cursor = ""
        while len(found) < _MOST_SONGS:
            url = urljoin(root, f"/v1/songs?limit=100{cursor}")
            page = document(await connection.get("songs", url, headers=headers), "songs")
            try:
                found |= {song["song_id"]: int(song["duration_ms"]) for song in page["items"]}
            except (KeyError, TypeError, ValueError):
                raise FormatError(f"songs: {shown(url)}: no list of songs") from None
            if not page.get("next_cursor"):
                break
            cursor = f"&cursor={page['next_cursor']}"
    if not found:
        raise UpstreamFailed(f"{shown(root)}: there are no songs")
    return found
