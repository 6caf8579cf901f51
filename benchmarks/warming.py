"""``python -m benchmarks.warming``: what each part of warming is worth, on a made-up half hour before a real edge.

The same listeners ask for the same things each time, over HTTP, of an edge in front of an origin that counts. Time is the trace's: between two requests of a
listener seconds pass, so what was wanted has come by then; nothing here says how fast anything is.

Popularity follows Zipf's law (α = 0.9). A quarter of the songs is skipped after three segments. After ten minutes a song comes out that draws three tenths of
all starts. A player asks for ``presentation.json``, header and segments, and announces the next song with the last segment but one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.parse import quote

import aiohttp
import click
from aiohttp import web
from rich.console import Console
from rich.table import Table

from edge_sim.edge.app import routes
from edge_sim.edge.warming.neighbours import Neighbours, written
from edge_sim.edge.warming.popular import Popular
from edge_sim.edge.warming.warming import OFF, Settings
from media import layout
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.serving import application, listening
from media.song import Song
from origin.tokens import TokenKeys, sign

SONGS, SEGMENTS, SIZE = 400, 40, 8_000  # songs, segments of each, bytes of a segment
SEGMENT_MS = 4_000
MINUTES = 30
RELEASE_MS = 10 * 60_000
START_MS = 1_800_000_000_000
VERSION = "0123456789abcdef"
KEYS = TokenKeys({"k": bytes(32)}, active="k")
TOKEN = sign("songs/", keys=KEYS, expires_ms=START_MS + 86_400_000)
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"


class Ask(NamedTuple):
    """One request; `announced` is the song that its player will play next, -1 for none; `first` is a first segment."""

    at_ms: int
    song: int
    name: str
    announced: int = -1
    first: bool = False


def folder(song: int) -> str:
    return layout.folder(f"song-{song:04d}", VERSION)


def trace(listeners: int, seed: int, minutes: int = MINUTES) -> list[Ask]:
    """What `listeners` ask for, in the order of time."""
    random = Random(seed)
    ranks = list(range(SONGS))
    Random(0).shuffle(ranks)
    weights = [1 / (rank + 1) ** 0.9 for rank in range(SONGS)]
    new = ranks[-1]

    def choose(now_ms: int) -> int:
        if now_ms >= RELEASE_MS and random.random() < 0.3:
            return new
        return random.choices(ranks, weights)[0]

    def listens(now_ms: int) -> Iterator[Ask]:
        song = choose(now_ms)
        while now_ms < minutes * 60_000:
            following = choose(now_ms)
            yield Ask(now_ms, song, layout.PRESENTATION)
            yield Ask(now_ms, song, layout.init("normal"))
            for number in range(1, 4 if random.random() < 0.25 else SEGMENTS + 1):
                said = following if number == SEGMENTS - 1 else -1
                yield Ask(now_ms, song, layout.segment("normal", number), said, number == 1)
                now_ms += SEGMENT_MS
            song = following

    heap: list[tuple[int, int, Ask, Iterator[Ask]]] = []
    for number in range(listeners):
        asks = listens(random.randrange(5 * 60_000))
        ask = next(asks)
        heappush(heap, (ask.at_ms, number, ask, asks))
    found, order = [], listeners
    while heap:
        _, _, ask, asks = heappop(heap)
        found.append(ask)
        if (following := next(asks, None)) is not None:
            order += 1
            heappush(heap, (following.at_ms, order, following, asks))
    return found


def presentation(song: int) -> bytes:
    segments = tuple(
        Segment(layout.segment("normal", number), (number - 1) * 176_400, 176_400, SIZE)
        for number in range(1, SEGMENTS + 1)
    )
    rendition = Rendition(
        *("normal", "mp4a.40.2", 16_000, 44_100, 2, 1024, 16_000, 16_000),
        *(layout.init("normal"), 700, segments),
    )
    return Presentation(
        Song(f"song-{song:04d}", f"Song {song}"),
        VERSION,
        SEGMENTS * 176_400,
        44_100,
        (rendition,),
        Protection(),
        Loudness(None, None, None),
        manifests={},
    ).to_json()


class Origin:
    """Has every song, and counts what it is asked for."""

    def __init__(self) -> None:
        self.requests = self.bytes = 0

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        self.requests += 1
        if name == layout.PRESENTATION:
            body = presentation(int(request.path.split("/")[2].removeprefix("song-")))
        elif name == layout.INIT:
            body = bytes(700)
        elif 1 <= int(name.partition(".")[0]) <= SEGMENTS:
            body = bytes(SIZE)
        else:
            return web.Response(status=404)
        self.bytes += len(body)
        return web.Response(body=body, headers={"Cache-Control": layout.IMMUTABLE, "Date": DATE})


@dataclass
class Outcome:
    name: str
    requests: int = 0
    hits: int = 0
    starts: int = 0
    start_hits: int = 0
    origin_requests: int = 0
    origin_bytes: int = 0
    warmed: dict[str, int] = field(default_factory=dict)


async def quiet() -> None:
    """Until nothing is being warmed."""
    while running := [
        task for task in asyncio.all_tasks() if task.get_name().startswith(("warm ", "hold ", "popular"))
    ]:
        await asyncio.wait(running)


async def replay(
    name: str, asks: list[Ask], memory: int, settings: Settings, neighbours: Neighbours | None = None
) -> Outcome:
    """What came of it."""
    outcome, origin, now = Outcome(name), Origin(), [START_MS]
    async with AsyncExitStack() as stack:
        behind = web.Application()
        behind.router.add_get("/{path:.+}", origin.answer)
        port = await stack.enter_async_context(listening(behind, "127.0.0.1", 0))
        table = routes(
            origin_url=f"http://127.0.0.1:{port}",
            keys=KEYS,
            memory=memory,
            clock=lambda: now[0],
            warming=settings,
            neighbours=neighbours,
        )
        edge = await stack.enter_async_context(listening(application("edge", table), "127.0.0.1", 0))
        session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{edge}"))
        await asyncio.sleep(0)
        await quiet()
        for ask in asks:
            now[0] = max(now[0], START_MS + ask.at_ms)
            headers = {}
            if ask.announced >= 0:
                target = f"/t/{TOKEN}/{folder(ask.announced)}{layout.segment('normal', 1)}"
                headers["CMCD-Request"] = f'nor="{quote(target, safe="")}"'
            async with session.get(f"/t/{TOKEN}/{folder(ask.song)}{ask.name}", headers=headers) as answer:
                await answer.read()
                hit = answer.headers["Cache-Status"].endswith("; hit")
            outcome.requests += 1
            outcome.hits += hit
            outcome.starts += ask.first
            outcome.start_hits += hit and ask.first
            await quiet()
        async with session.get("/metrics") as answer:
            outcome.warmed = _warmed(await answer.text())
    outcome.origin_requests, outcome.origin_bytes = origin.requests, origin.bytes
    return outcome


def _warmed(metrics: str) -> dict[str, int]:
    """Fetched, useful and wasted, all causes together."""
    found = dict.fromkeys(("fetched", "useful", "wasted"), 0)
    for line in metrics.splitlines():
        if line.startswith("tonearm_edge_warmed_total{"):
            outcome = line.partition('outcome="')[2].partition('"')[0]
            found[outcome] += int(float(line.rpartition(" ")[2]))
    return found


def popular(asks: list[Ask], songs: int) -> bytes:
    """What a neighbour with these listeners would list (`edge_sim.edge.warming.neighbours`)."""
    counted = Popular()
    for ask in asks:
        if ask.first:
            counted.add(f"{folder(ask.song)}audio/normal")
    return written(counted, songs)


async def measure(listeners: int, memory: int, minutes: int) -> list[Outcome]:
    asks = trace(listeners, seed=1, minutes=minutes)
    every = Settings(segments=2, next_song=True, velocity=3)
    with TemporaryDirectory() as directory:
        file = Path(directory) / "popular.json"
        file.write_bytes(popular(trace(listeners, seed=2, minutes=minutes), 100))
        told = Neighbours(source=str(file), songs=100)
        return [
            await replay(name, asks, memory, settings, neighbours)
            for name, settings, neighbours in (
                ("off", OFF, None),
                ("next segments (2)", replace(OFF, segments=2), None),
                ("next song (nor)", replace(OFF, next_song=True), None),
                ("velocity (3 a minute)", replace(OFF, velocity=3), None),
                ("popular (100 songs)", OFF, told),
                ("all", every, told),
            )
        ]


@click.command()
@click.option("--listeners", default=30, show_default=True)
@click.option("--memory-mb", default=24, show_default=True, help="Of 130 MB that there are.")
@click.option("--minutes", default=MINUTES, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(listeners: int, memory_mb: int, minutes: int, as_json: bool) -> None:
    """Replay a made-up half hour with each part of warming on, alone and together."""
    outcomes = asyncio.run(measure(listeners, memory_mb * 1_000_000, minutes))
    if as_json:
        click.echo(json.dumps([vars(each) for each in outcomes]))
        return
    table = Table(
        "warming", "hits", "starts that hit", "origin requests", "origin MB", "fetched", "useful", "wasted"
    )
    for each in outcomes:
        table.add_row(
            each.name,
            f"{each.hits / each.requests:.1%}",
            f"{each.start_hits / each.starts:.1%}",
            f"{each.origin_requests:,}",
            f"{each.origin_bytes / 1e6:.1f}",
            *(f"{each.warmed[name]:,}" for name in ("fetched", "useful", "wasted")),
        )
    Console().print(f"{outcomes[0].requests:,} requests, {outcomes[0].starts:,} starts")
    Console().print(table)


if __name__ == "__main__":
    main()
