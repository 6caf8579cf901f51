"""The origin in front of a real S3 server, with somebody between them who meddles."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from media.layout import IMMUTABLE
from media.ports import ObjectStore
from media.registry import open_store
from media.serving import application, listening
from origin.app import Options, routes
from origin.reading import Limits
from tests.contracts.conftest import BUCKET

pytestmark = pytest.mark.s3
FOLDER = "songs/abc/1111111111111111/audio/normal"
BODIES = {f"/{FOLDER}/{number:05d}.m4s": bytes([number]) * 300_000 for number in range(1, 40)}


class Meddler:
    """A TCP relay to the S3 server. `mode` says what happens to answers from now on."""

    def __init__(self, upstream: str) -> None:
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._mode = ""
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests = 0

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        """Connections of the old mode end: nobody shall wait in one for ever."""
        self._mode = mode
        for writer in self._open:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mode = self._mode
        self._open.add(writer)
        try:
            if mode == "refuses":
                return
            if mode in ("hangs", "talks nonsense"):
                await reader.read(65536)
                if mode == "talks nonsense":
                    writer.write(b"\x16\x03\x01 this is not HTTP at all\r\n\r\n" * 20)
                await reader.read()
                return
            below, above = await asyncio.open_connection(self._host, self._port)
            self._open.add(above)
            up = asyncio.create_task(self._relay(reader, above, -1))
            self._tasks.add(up)
            up.add_done_callback(self._tasks.discard)
            await self._relay(below, writer, 20_000 if mode == "cuts bodies" else -1)
            up.cancel()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        with suppress(OSError):
            while left and (data := await reader.read(65536)):
                self.requests += data.startswith((b"GET ", b"HEAD "))
                data = data[:left] if left > 0 else data
                left -= len(data) if left > 0 else 0
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def trouble(
    weed: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Meddler, aiohttp.ClientSession]]:
    for name, value in (
        ("ACCESS_KEY_ID", "test"),
        ("SECRET_ACCESS_KEY", "testsecret"),
        ("EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(f"AWS_{name}", value)
    prefix = f"run/{uuid.uuid4().hex}"
    query = "region=us-east-1&path_style=1"
    direct: ObjectStore = open_store(f"s3://{BUCKET}/{prefix}?endpoint=http://{weed}&{query}")
    for path, body in BODIES.items():
        await direct.put(path[1:], body, media_type="audio/mp4", cache_control=IMMUTABLE)
    await direct.close()
    meddler = Meddler(weed)
    server = await asyncio.start_server(meddler.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    store = open_store(f"s3://{BUCKET}/{prefix}?endpoint=http://127.0.0.1:{port}&{query}")
    app = application("origin", routes(store, Options(limits=Limits(patience_s=4.0))))
    try:
        async with (
            listening(app, "127.0.0.1", 0) as bound,
            aiohttp.ClientSession(f"http://127.0.0.1:{bound}") as session,
        ):
            yield meddler, session
    finally:
        meddler.mode = "refuses"
        await store.close()
        server.close()


async def ask(session: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, bytes]:
    async with session.get(path, headers=headers) as answer:
        return answer.status, await answer.read()


async def test_a_get_costs_the_store_one_request_once_it_is_known(
    weed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trouble(weed, monkeypatch) as (meddler, session):
        path = next(iter(BODIES))
        assert await ask(session, path) == (200, BODIES[path])
        before = meddler.requests
        assert await ask(session, path) == (200, BODIES[path])
        assert meddler.requests == before + 1
        assert await ask(session, path, Range="bytes=100-199") == (206, BODIES[path][100:200])
        assert meddler.requests == before + 2
        answers = await asyncio.gather(*(ask(session, path) for _ in range(30)))
        assert answers == [(200, BODIES[path])] * 30
        assert meddler.requests <= before + 2 + 10  # joined, except those who came when it was over


@pytest.mark.parametrize("mode", ["refuses", "hangs", "talks nonsense", "cuts bodies"])
@pytest.mark.soak
async def test_whatever_the_store_does_the_answer_is_clear_and_it_recovers(
    weed: str, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    async with trouble(weed, monkeypatch) as (meddler, session):
        paths = list(BODIES)
        for path in paths[:3]:
            assert await ask(session, path) == (200, BODIES[path])  # their descriptions are known from now on
        files = len(os.listdir("/proc/self/fd"))
        meddler.mode = mode
        known, unknown = paths[:3], paths[3:6]
        for path in (*known, *unknown) if mode != "hangs" else (known[0], unknown[0]):
            with suppress(aiohttp.ClientError):  # broken off after its beginning: clear as well
                status, body = await ask(session, path)
                assert status == 503
                assert b"store-unavailable" in body
                assert b"127.0.0.1" not in body
        status, _ = await ask(session, "/readyz")
        assert status == (200 if mode == "cuts bodies" else 503)
        assert (await ask(session, "/healthz"))[0] == 200
        meddler.mode = ""
        while (await ask(session, "/readyz"))[0] != 200:
            await asyncio.sleep(0.05)  # calls that are still out fail first
        for path in paths[:8]:
            while (answer := await ask(session, path))[0] == 503:
                await asyncio.sleep(0.05)
            assert answer == (200, BODIES[path])
        async with session.get("/metrics") as answer_:
            text = await answer_.text()
        assert "tonearm_origin_store_busy 0.0" in text
        assert "tonearm_origin_store_waiting 0.0" in text
        assert len(os.listdir("/proc/self/fd")) <= files + 24  # the pools of connections, and no more
