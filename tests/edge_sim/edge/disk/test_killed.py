"""A real edge process is killed again and again while it writes. What the next one finds is whole, or it is not found."""

from __future__ import annotations

import asyncio
import random
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import aiohttp

import cli
from edge_sim.edge.disk.files import Complete
from edge_sim.edge.disk.folder import NEW
from edge_sim.edge.disk.format import name_of
from origin.tokens import load_token_keys
from tests.edge_sim.conftest import SONG, Talk
from tests.edge_sim.edge.disk.conftest import files

ROUNDS = 4  # and more, until one was killed in the middle of a file
NAMES = [f"{number}" for number in range(40)]


@cache
def body_of(name: str) -> bytes:
    """Small ones for memory and disk, and every fourth too large for memory; together twice what the disk holds."""
    return random.Random(name).randbytes(900_000 if int(name) % 4 == 0 else 20_000 + 997 * int(name))


@asynccontextmanager
async def edge(
    home: Path, folder: Path, url: str, session: aiohttp.ClientSession
) -> AsyncIterator[tuple[Talk, asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", str(home), "edge", "--origin", url, "--port", "0"),
        *("--memory", "400kB", "--disk", f"{folder}:5MB", "--workers", "1", "--no-access-log"),
        cwd=Path(cli.__file__).parent,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        found = None
        while found is None:
            line = (await process.stderr.readline()).decode()
            assert line
            found = re.search(r"on (http://127\.0\.0\.1:\d+)/", line)
        talk = Talk(found[1], session, load_token_keys(home, None))
        talk.token = talk.sign(SONG, expires_ms=1 << 47)
        yield talk, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def listen(talk: Talk, chance: random.Random, heard: list[str]) -> None:
    """Ask for one thing after another, until there is nobody to ask."""
    try:
        while True:
            name = chance.choice(NAMES)
            answer = await talk.get(name)
            if answer.whole:
                assert answer.body == body_of(name)
                heard.append(answer.cache)
            else:
                assert body_of(name).startswith(answer.body)
    except aiohttp.ClientError:
        return


async def test_nothing_broken_is_ever_served(origin, session, tmp_path):
    folder, chance, heard = tmp_path / "disk", random.Random(1), []
    for name in NAMES:
        origin.says(name, body_of(name))
    begun = rounds = 0
    while rounds < ROUNDS or (not begun and rounds < 5 * ROUNDS):
        rounds += 1
        async with edge(tmp_path / "home", folder, origin.url, session) as (talk, process):
            end = len(heard) + chance.randint(8, 60)
            listeners = [asyncio.create_task(listen(talk, chance, heard)) for _ in range(8)]
            while len(heard) < end and not any(each.done() for each in listeners):
                await asyncio.sleep(0)
            process.kill()
            await asyncio.gather(*listeners)
        for path in files(folder):
            begun += path.name.startswith(NEW)
            if not path.name.startswith(NEW):
                whole(folder, path)
    assert begun  # it was killed while it wrote
    assert any("detail=disk" in each for each in heard)  # and served what was there from before
    left = {path for path in files(folder) if path.name.startswith(NEW)}
    async with edge(tmp_path / "home", folder, origin.url, session) as (talk, _):
        for name in NAMES:
            assert (await talk.get(name)).body == body_of(name)
        assert await talk.count("disk_total", '{event="rotten"}') == 0
    assert not left & set(files(folder))  # this one was killed as well, and may have left another


def whole(folder: Path, path: Path) -> None:
    """A file that has its name has all of its object."""
    (name,) = (name for name in NAMES if folder / name_of(SONG + name) == path)
    file, body = Complete(folder, SONG + name), b""
    while len(body) < file.label.length:
        body += file.read(len(body), file.label.length)
    assert body == body_of(name)
