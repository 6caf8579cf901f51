"""What content engineers type, before real edges with real doors."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import aiohttp
import pytest
from click.testing import CliRunner

import cli
from edge_sim.edge.app import routes
from edge_sim.edge.control import Door
from edge_sim.fleet.doors import Doors
from media.errors import UpstreamFailed, UpstreamTimeout
from media.serving import application, listening
from tests.edge_sim.conftest import SONG, Talk


@pytest.fixture
async def edges(origin, clock, token_keys, session, unused_tcp_port_factory):
    """Two edges: how a listener and how an operator reach each."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            door = Door(unused_tcp_port_factory(), token="sesame")
            table = routes(origin_url=origin.url, keys=token_keys, memory=1 << 20, clock=clock, control=door)
            port = await stack.enter_async_context(listening(application("edge", table), "127.0.0.1", 0))
            talk = Talk(f"http://127.0.0.1:{port}", session, token_keys)
            found.append((talk, f"http://127.0.0.1:{door.port}"))
        yield found


@pytest.fixture
def tonearm(edges, tmp_path):
    """Run a command against the doors of both edges."""
    secret = tmp_path / "token"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    doors = [part for _, door in edges for part in ("--edge", door)]

    async def run(command: str, *arguments: str):
        line = [command, *doors, "--token-file", str(secret), *arguments]
        return await asyncio.to_thread(CliRunner().invoke, cli.root, line, standalone_mode=False)

    return run


async def test_a_release_is_on_all_edges_before_anybody_asks_and_comes_off_again(tonearm, edges, origin):
    origin.says("x", b"x")
    result = await tonearm("warm", "--path", SONG + "x", "--json")
    assert result.return_value == 0
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(line["edge"], line["fetched"], line["done"]) for line in lines] == [
        (door, 1, True) for _, door in edges
    ]
    for talk, _ in edges:
        assert (await talk.get("x")).cache == "tonearm-edge; hit"
    result = await tonearm("purge", "a-song", "--json")
    assert [json.loads(line)["purged"] for line in result.stdout.splitlines()] == [1, 1]
    for talk, _ in edges:
        assert (await talk.get("x")).cache == "tonearm-edge; fwd=uri-miss; stored"


async def test_a_song_that_is_not_there_is_exit_code_3(tonearm, edges):
    result = await tonearm("warm", "a-song")
    assert result.return_value == 3
    assert result.stderr.count("songs/a-song/current.json: cannot be had") == 2


async def test_one_edge_that_is_away_does_not_keep_the_others_from_it(
    tonearm, edges, origin, unused_tcp_port
):
    origin.says("x", b"x")
    result = await tonearm(
        *("warm", "--edge", f"http://127.0.0.1:{unused_tcp_port}", "--path", SONG + "x"),
        *("--before", "2026-01-01T00:00Z"),
    )
    assert result.return_value == 3
    assert "no connection" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["warm"], "nothing to warm"),
        (["purge"], "nothing to purge"),
        (["warm", "a-song", "--before", "tomorrow"], "not a time"),
        (["warm", "a-song", "--before", "2026-12-04T00:00"], "needs its zone"),
    ],
)
async def test_wrong_usage(tonearm, arguments, why):
    result = await tonearm(*arguments)
    assert why in str(result.exception.format_message())


class Turns:
    """Pauses that end when something is done in the meantime."""

    def __init__(self, *steps) -> None:
        self._steps = list(steps)

    async def __call__(self, seconds: float) -> None:
        await self._steps.pop(0)()


class TestPatience:
    @pytest.fixture
    async def admitted(self):
        async with aiohttp.ClientSession(headers={"Authorization": "Bearer sesame"}) as opened:
            yield opened

    async def test_an_edge_that_comes_late_is_asked_again(
        self, admitted, origin, clock, token_keys, unused_tcp_port
    ):
        origin.says("x", b"x")
        async with AsyncExitStack() as stack:

            async def comes() -> None:
                door = Door(unused_tcp_port, token="sesame")
                table = routes(
                    origin_url=origin.url, keys=token_keys, memory=1 << 20, clock=clock, control=door
                )
                await stack.enter_async_context(listening(application("edge", table), "127.0.0.1", 0))

            async def works() -> None:
                await asyncio.gather(*(task for task in asyncio.all_tasks() if "warm job" in task.get_name()))

            doors = Doors(admitted, clock, Turns(comes, works))
            job = await doors.warm(
                f"http://127.0.0.1:{unused_tcp_port}", {"paths": [SONG + "x"]}, clock.ms + 1, lambda job: None
            )
            assert (job["done"], job["fetched"]) == (True, 1)

    async def test_a_job_that_is_not_done_in_time(self, admitted, edges, origin, clock):
        origin.says("x", b"x")
        gate = origin.holds("x")

        async def late() -> None:
            clock.ms += 1000

        doors = Doors(admitted, clock, Turns(late))
        with pytest.raises(UpstreamTimeout, match="not warm in time"):
            await doors.warm(edges[0][1], {"paths": [SONG + "x"]}, clock.ms + 1000, lambda job: None)
        gate.open()

    async def test_a_refusal_is_not_tried_again(self, session, edges, clock):
        doors = Doors(session, clock, Turns())
        with pytest.raises(UpstreamFailed, match="401 a token is needed"):
            await doors.warm(edges[0][1], {}, clock.ms + 1000, lambda job: None)
