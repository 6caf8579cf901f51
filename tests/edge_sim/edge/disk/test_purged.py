"""What an operator takes out is gone from the disk, too, and does not come back with the edge."""

from __future__ import annotations

from typing import Any

import pytest

from edge_sim.edge.control import Door
from tests.edge_sim.conftest import SONG
from tests.edge_sim.edge.disk.conftest import befell, file_of, recovered

DISK = "tonearm-edge; hit; detail=disk"
MISS = "tonearm-edge; fwd=uri-miss; stored"


@pytest.mark.parametrize(
    "order",
    [
        {"paths": [SONG + "a"]},
        {"prefixes": [SONG]},
        {"songs": ["a-song"]},
        {"paths": [SONG + "a"], "soft": True},
    ],
)
async def test_purged_from_memory_and_disk(start, origin, folder, session, unused_tcp_port, order):
    async def purge(order: dict[str, Any]) -> None:
        async with session.post(f"http://127.0.0.1:{unused_tcp_port}/purge", json=order) as answer:
            assert await answer.json() == {"purged": 1}

    origin.says("a", b"one")
    async with start(control=Door(unused_tcp_port)) as talk:
        await talk.get("a")
        await befell(talk, "kept")
        assert file_of(folder, "a").exists()
        await purge(order)
    assert not file_of(folder, "a").exists()
    origin.says("a", b"two")
    async with start() as talk:
        answer = await talk.get("a")
        assert (answer.body, answer.cache) == (b"two", MISS)


async def test_purged_while_the_disk_is_the_only_one_that_has_it(
    start, origin, folder, session, unused_tcp_port
):
    for name in ("a", "b"):
        origin.says(name, b"one")
    async with start() as talk:
        for name in ("a", "b"):
            await talk.get(name)
        await befell(talk, "kept", 2)
    async with start(control=Door(unused_tcp_port)) as talk:
        await recovered(talk, 2)
        url = f"http://127.0.0.1:{unused_tcp_port}/purge"
        async with session.post(url, json={"paths": [SONG + "a"]}) as answer:
            assert await answer.json() == {"purged": 1}
        origin.says("a", b"two")
        assert ((await talk.get("a")).body, (await talk.get("b")).cache) == (b"two", DISK)
