"""Readers never see half a song: they hammer a store while processes publish to it and are killed at random."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from media import layout
from media.errors import ObjectMissing
from media.ports import ObjectStore, read_all
from media.registry import open_store
from origin.publish import current

ROOT = Path(__file__).resolve().parents[2]
SONGS = ("one", "two")
# Publishes version after version of a song for ever, now and then giving up in the middle; says a line for each.
PUBLISHER = """
import asyncio, random, sys
from media.errors import StoreError
from media.registry import open_store
from origin.publish import publish

def objects(song, version, chance):
    parts = [f"audio/low/{number:05d}.m4s" for number in range(1, 6)]
    for path in parts:
        if chance.random() < 0.01:
            raise OSError("given up in the middle")
        yield path, f"{song} {version} {path}".encode()
    yield "hls.m3u8", "\\n".join(parts).encode()
    yield "presentation.json", f"{song} {version}".encode()

async def main(folder, seed):
    store, chance = open_store(folder), random.Random(seed)
    while True:
        song, version = chance.choice(["one", "two"]), f"{chance.randrange(6):016x}"
        try:
            await publish(store, song_id=song, version=version, objects=objects(song, version, chance))
        except (StoreError, OSError):
            pass
        print(song, version, flush=True)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    opened = open_store(str(tmp_path / "store"))
    yield opened
    await opened.close()


async def publisher(folder: Path, seed: int, count: int) -> int:
    """A process that publishes until it did so `count` times, and is then killed, wherever it is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUBLISHER, str(folder), str(seed), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    done = 0
    while done < count and await process.stdout.readline():
        done += 1
    process.send_signal(signal.SIGKILL)
    await process.wait()
    return done


async def read_song(store: ObjectStore, song_id: str) -> str:
    """All that the pointer promises; a version that was replaced meanwhile stays whole, too."""
    pointer = await current(store, song_id)
    if pointer is None:
        return ""
    folder = layout.folder(song_id, pointer.version)
    assert await read_all(store, folder + layout.PRESENTATION) == f"{song_id} {pointer.version}".encode()
    for path in (await read_all(store, folder + "hls.m3u8")).decode().splitlines():
        assert await read_all(store, folder + path) == f"{song_id} {pointer.version} {path}".encode()
    return pointer.version


async def hammer(store: ObjectStore, folder: Path, publishes: int, each: int) -> tuple[int, int]:
    """Two publishers at a time, killed after some `each` publishes; and a reader that never stops. How much both did."""
    chance, done, reads, seen = random.Random(1), 0, 0, set()
    busy = True

    async def publish() -> None:
        nonlocal done
        while done < publishes:
            done += await publisher(folder, chance.randrange(1 << 30), chance.randint(1, 2 * each))

    async def read() -> None:
        nonlocal reads
        while busy:
            for song_id in SONGS:
                seen.add(await read_song(store, song_id))
                reads += 1

    reader = asyncio.create_task(read())
    try:
        await asyncio.gather(publish(), publish())
    finally:
        busy = False
        await reader  # an assertion in there is ours
    assert len(seen - {""}) > 1
    return done, reads


async def test_readers_see_whole_songs_while_publishers_are_killed(
    store: ObjectStore, tmp_path: Path
) -> None:
    done, reads = await hammer(store, tmp_path / "store", publishes=60, each=10)
    assert done >= 60
    assert reads > 100


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_a_thousand_publishes(store: ObjectStore, tmp_path: Path) -> None:
    done, reads = await hammer(store, tmp_path / "store", publishes=1000, each=25)
    assert done >= 1000
    assert reads > 1000


async def test_nothing_is_there_before_the_first(store: ObjectStore) -> None:
    with pytest.raises(ObjectMissing):
        await store.head(layout.pointer("one"))
    assert await read_song(store, "one") == ""
