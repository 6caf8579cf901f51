"""``tonearm edge --workers``: several processes on one port are one cache, and what happens when one of them goes."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import ssl
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

import cli
from edge_sim.edge.app import routes
from edge_sim.edge.control import LARGEST, Door
from edge_sim.edge.siblings import Siblings, owner
from media.serving import application, listening
from origin.tokens import load_token_keys, sign
from tests.certificates import certified, trusting

SONG = "songs/a-song/0123456789abcdef/"


def workers_of(pid: int) -> set[int]:
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


async def until(state: Callable[[], bool]) -> None:
    """Other processes tell nobody what they do; look until it is so (the test run's time limit ends it)."""
    while not state():
        await asyncio.sleep(0.01)


class Edge:
    """The parent process, and listeners each of whom has a connection of their own, so that the kernel chooses the worker."""

    def __init__(self, process: Process, address: str, home: Path) -> None:
        self.process = process
        self.address = address
        self.token = sign("songs/", keys=load_token_keys(home, None), expires_ms=1 << 47)

    async def get(self, name: str, **headers: str) -> tuple[int, str, bytes]:
        """Status, Cache-Status and body."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.address}/t/{self.token}/{SONG}{name}", headers=headers) as answer,
        ):
            return answer.status, answer.headers["Cache-Status"], await answer.read()

    async def counted(self, name: str) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.address}/metrics") as answer,
        ):
            found = re.search(rf"(?m)^tonearm_edge_{re.escape(name)} (\S+)", await answer.text())
            return int(float(found[1])) if found else 0


@asynccontextmanager
async def running(origin: Any, home: Path, *arguments: str) -> AsyncIterator[Edge]:
    """It ends with its workers, whatever a test does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "--home", str(home), "edge", "--origin", origin.url, "--port", "0"),
        *("--no-access-log", "--no-health-checks", *arguments),
        cwd=Path(cli.__file__).parent,
        env={**os.environ, "TMPDIR": str(home.parent)},
        stderr=PIPE,
    )
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        found = re.search(r"on (https?://127\.0\.0\.1:\d+)/", line)
        assert found, line
        yield Edge(process, found[1], home)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def test_what_many_workers_miss_is_one_fetch(origin: Any, tmp_path: Path) -> None:
    names = [f"{number}.m4s" for number in range(12)]
    for name in names:
        origin.says(name, name.encode() * 1000, etag=f'"{name}"')
    gates = [origin.holds(name) for name in names]
    async with running(origin, tmp_path / "home", "--workers", "3", "--memory", "3MB") as edge:
        assert len(workers_of(edge.process.pid)) == 3
        crowd = [asyncio.create_task(edge.get(name)) for name in names * 20]
        # All have been counted by the worker that they reached before the origin says a word.
        while (
            sum([await edge.counted(f'requests_total{{cache="{kind}"}}') for kind in ("miss", "collapsed")])
            < 240
        ):
            pass
        for gate in gates:
            gate.open()
        answers = await asyncio.gather(*crowd)
        assert [body for _, _, body in answers] == [name.encode() * 1000 for name in names * 20]
        assert {status for status, _, _ in answers} == {200}
        assert sorted(question.path for question in origin.heard) == sorted(SONG + name for name in names)
        # One tier to the outside: nobody sees that a worker asked another.
        assert {cache for _, cache, _ in answers} <= {
            "tonearm-edge; fwd=uri-miss; stored",
            "tonearm-edge; fwd=uri-miss; stored; collapsed",
            "tonearm-edge; hit; detail=sibling",  # who counted a miss and had not asked its owner yet
        }
        assert await edge.counted('fetches_total{outcome="200"}') == 12
        assert await edge.counted("fetched_bytes_total") == sum(len(name) for name in names) * 1000
        assert await edge.counted("sent_bytes_total") == 20 * sum(len(name) for name in names) * 1000
        assert await edge.counted("budget_bytes") == 3_000_000


async def test_a_worker_has_from_its_sibling_what_it_never_saw(origin: Any, tmp_path: Path) -> None:
    origin.says("a.m4s", b"a" * 5000, etag='"a"', headers={"Cache-Status": 'far; key="x, y"; hit'})
    async with running(origin, tmp_path / "home", "--workers", "2") as edge:
        said = [(await edge.get("a.m4s"))[1] for _ in range(40)]
        assert len(origin.asked("a.m4s")) == 1
        assert said[0] == 'far; key="x, y"; hit, tonearm-edge; fwd=uri-miss; stored'
        assert set(said[1:]) <= {
            'far; key="x, y"; hit, tonearm-edge; hit',
            'far; key="x, y"; hit, tonearm-edge; hit; detail=sibling',
        }
        assert await edge.counted("borrowed_total") == sum("sibling" in each for each in said) <= 1
        hits = await edge.counted('requests_total{cache="hit"}')
        assert hits + await edge.counted('requests_total{cache="miss"}') == 40
        # All but the first that came to each worker.
        assert await edge.counted("quick_total") >= 38
        assert (await edge.get("missing.m4s"))[0] == 404


async def test_a_purge_reaches_every_worker(origin: Any, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        door = probe.getsockname()[1]
    origin.says("a.m4s", b"old")
    arguments = ("--workers", "3", "--control", str(door))
    async with running(origin, tmp_path / "home", *arguments) as edge:
        while await edge.counted("objects") < 3:  # until all of them have it
            assert (await edge.get("a.m4s"))[2] == b"old"
        origin.says("a.m4s", b"new")
        for soft, purged in ((True, 3), (False, 3)):
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    f"http://127.0.0.1:{door}/purge", json={"songs": ["a-song"], "soft": soft}
                ) as answer,
            ):
                assert await answer.json() == {"purged": purged}
            assert {(await edge.get("a.m4s"))[2] for _ in range(30)} == {b"new"}
            while await edge.counted("objects") < 3:
                await edge.get("a.m4s")


async def test_a_sibling_that_died_is_nobodys_error(origin: Any, tmp_path: Path) -> None:
    names = [f"{number}.m4s" for number in range(30)]
    for name in names:
        origin.says(name, name.encode())
    async with running(origin, tmp_path / "home", "--workers", "2") as edge:
        before = workers_of(edge.process.pid)
        os.kill(min(before), signal.SIGKILL)
        # Those who reach the other one, and ask for what the dead one owned.
        for name in names:
            try:
                status, cache, body = await edge.get(name)
            except aiohttp.ClientError:  # its connection was the dead one's
                continue
            assert (status, body) == (200, name.encode()), cache
        await until(lambda: len(workers_of(edge.process.pid)) == 2)
        for name in names:
            assert (await edge.get(name))[::2] == (200, name.encode())
        assert await edge.counted("worker_restarts_total") == 1


@pytest.mark.parametrize(
    ("etag", "now"), [('"same"', '"same"'), ('"same"', '"other"'), ('W/"same"', 'W/"same"')]
)
async def test_an_owner_that_dies_over_a_body_is_replaced_in_the_midst_of_it(
    origin: Any, tmp_path: Path, token_keys: Any, clock: Any, etag: str, now: str
) -> None:
    """By the rest of the same object, if it surely is that; never is the whole fetched again, or half of another sent."""
    body = os.urandom(300_000)
    name = next(f"{n}.m4s" for n in range(99) if owner(f"{SONG}{n}.m4s", 2) == 1)
    origin.says(name, body, etag=now, ranges=True)
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)

    async def die_half_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nETag: %b\r\nCache-Control: max-age=60\r\nContent-Length: 300000\r\n"
            b"Cache-Status: tonearm-edge; fwd=uri-miss; stored\r\n\r\n%b" % (etag.encode(), body[:100_001])
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(die_half_way, str(folder / "1"))
    table = routes(
        origin_url=origin.url,
        keys=token_keys,
        memory=4 << 20,
        clock=clock,
        siblings=Siblings(folder, number=0, count=2),
    )
    async with (
        server,
        listening(application("edge", table), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
    ):
        token = sign(SONG, keys=token_keys, expires_ms=1 << 47)
        async with session.get(f"http://127.0.0.1:{port}/t/{token}/{SONG}{name}") as answer:
            if now == '"same"':
                assert (answer.status, await answer.read()) == (200, body)
            else:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()
    asked = [(each.headers["Range"], each.headers["If-Range"]) for each in origin.asked(name)]
    assert asked == ([] if etag.startswith("W/") else [("bytes=100001-299999", '"same"')])


async def test_everybody_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    async def lend(request: Any, path: str) -> Any:
        raise AssertionError(path)

    everybody = [Siblings(tmp_path, number=number, count=3) for number in range(3)]
    async with everybody[0].opened(lend), everybody[1].opened(lend):
        for number, each in enumerate(everybody):

            async def handler(message: bytes, number: int = number) -> bytes:
                return b"%d heard %b" % (number, message)

            async def measure(message: bytes) -> bytes:
                return b"%d" % len(message)

            each.listen("purge", handler)
            each.listen("measure", measure)
        # The third has not started.
        assert await everybody[1].broadcast("purge", b"x") == [b"1 heard x", b"0 heard x"]
        async with everybody[2].opened(lend):
            assert await everybody[0].broadcast("purge", b"") == [b"0 heard ", b"1 heard ", b"2 heard "]
            # Whatever the control door lets in.
            assert await everybody[0].broadcast("measure", bytes(LARGEST)) == [b"%d" % LARGEST] * 3


async def test_listeners_who_dawdle_keep_nobody_from_an_owner(tmp_path: Path) -> None:
    """A stream that is lent goes at its listener's pace."""
    tmp_path.chmod(0o700)
    done = asyncio.Event()

    async def lend(request: web.Request, path: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await done.wait()
        return response

    names = [name for name in map(str, range(400)) if owner(f"{SONG}{name}", 2) == 1]
    asking, lending = (Siblings(tmp_path, number=number, count=2) for number in range(2))
    async with lending.opened(lend), asking.opened(lend), AsyncExitStack() as streams:
        for name in names[:130]:
            response = await streams.enter_async_context(asking.ask(f"{SONG}{name}", {}))
            assert response.status == 200
        done.set()


async def test_a_purge_that_a_worker_did_not_hear_is_not_done(
    origin: Any, tmp_path: Path, token_keys: Any, clock: Any, unused_tcp_port: int
) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    origin.says("a.m4s", b"old")
    table = routes(
        origin_url=origin.url,
        keys=token_keys,
        memory=4 << 20,
        clock=clock,
        control=Door(unused_tcp_port),
        siblings=Siblings(folder, number=0, count=2),
    )
    purge = f"http://127.0.0.1:{unused_tcp_port}/purge"
    async with (
        listening(application("edge", table), "127.0.0.1", 0) as port,
        aiohttp.ClientSession() as session,
    ):
        token = sign(SONG, keys=token_keys, expires_ms=1 << 47)
        async with session.get(f"http://127.0.0.1:{port}/t/{token}/{SONG}a.m4s") as answer:
            assert answer.status == 200
        async with session.post(purge, json={"songs": ["a-song"]}) as answer:
            assert answer.status == 503
            assert (await answer.json())["detail"] == "a worker did not answer: purge again"

        async def lend(request: Any, path: str) -> Any:
            raise AssertionError(path)

        other = Siblings(folder, number=1, count=2)

        async def nothing(message: bytes) -> bytes:
            return b"0"

        other.listen("purge", nothing)
        async with other.opened(lend), session.post(purge, json={"songs": ["a-song"]}) as answer:
            # Ours went the first time.
            assert (answer.status, await answer.json()) == (200, {"purged": 0})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_them_all_and_leaves_nothing_behind(
    origin: Any, tmp_path: Path, number: signal.Signals
) -> None:
    origin.says("a.m4s", b"a")
    async with running(origin, tmp_path / "home", "--workers", "2") as edge:
        (folder,) = tmp_path.glob("tonearm-edge-*")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert {each.name for each in folder.iterdir()} == {"0", "1"}
        with socket.socket(socket.AF_UNIX) as stranger:
            stranger.connect(str(folder / "0"))
        assert (await edge.get("a.m4s"))[0] == 200
        edge.process.send_signal(number)
        _, said = await edge.process.communicate()
        assert (edge.process.returncode, said) == (0, b"")
        assert not folder.exists()


async def test_workers_take_each_others_session_tickets(origin: Any, tmp_path: Path) -> None:
    certificate, key = certified(tmp_path)
    context = trusting(certificate)

    def talk(port: int, session: ssl.SSLSession | None) -> tuple[bool, ssl.SSLSession | None]:
        """Whether the session was resumed, and the one for next time: TLS 1.3 sends it with the first answer."""
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as sealed,
        ):
            sealed.sendall(b"GET /healthz HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n")
            while sealed.recv(4096):
                pass
            return bool(sealed.session_reused), sealed.session

    arguments = ("--workers", "3", "--certificate", str(certificate), "--key", str(key))
    async with running(origin, tmp_path / "home", *arguments) as edge:
        port = int(edge.address.rpartition(":")[2])
        resumed, session = await asyncio.to_thread(talk, port, None)
        assert not resumed
        for _ in range(20):  # a new connection each, so that the kernel chooses the worker
            resumed, session = await asyncio.to_thread(talk, port, session)
            assert resumed


def test_owners_are_the_same_everywhere_and_share_alike() -> None:
    assert [owner(f"{SONG}{number}", 4) for number in range(8)] == [
        owner(f"{SONG}{number}", 4) for number in range(8)
    ]
    assert owner("songs/abc/0123456789abcdef/hls.m3u8", 7) == 2
    shares = [0] * 4
    for song in range(100):
        for segment in range(40):
            shares[owner(f"songs/{song}/0123456789abcdef/audio/low/{segment:05d}.m4s", 4)] += 1
    assert max(shares) - min(shares) < 400
