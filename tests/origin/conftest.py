"""A store in a folder, a version to publish into it, and a running origin to talk to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from media.ports import ObjectStore
from media.serving import application, listening
from origin.app import Options, routes
from origin.publish import publish
from origin.stores.file import FileStore

V1 = "1111111111111111"
BODY = bytes(range(256)) * 4096  # 1 MiB: several chunks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> ObjectStore:
    return FileStore(folder)


@pytest.fixture
def objects() -> list[tuple[str, bytes]]:
    """Shaped like a package: media, then manifests, then presentation.json."""
    media = [
        (f"audio/{rendition}/{name}", f"{rendition} {name} ".encode() * size)
        for rendition, size in (("low", 30), ("normal", 120))
        for name in ("init.mp4", "00001.m4s", "00002.m4s")
    ]
    manifests = [("audio/low/hls.m3u8", b"#EXTM3U low"), ("hls.m3u8", b"#EXTM3U"), ("dash.mpd", b"<MPD/>")]
    return [*media, ("public/peaks.json", b"[]"), *manifests, ("presentation.json", b"{}")]


class Origin:
    """A running origin: its port for raw sockets, a session for everything else."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port = port
        self.session = session

    async def ask(
        self, path: str, *, method: str = "GET", **headers: str
    ) -> tuple[int, CIMultiDictProxy[str], bytes]:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, path, headers=fields) as answer:
            return answer.status, answer.headers, await answer.read()

    async def counted(self, name: str) -> int:
        """A number of ours out of /metrics; 0 where it is not there."""
        _, _, body = await self.ask("/metrics")
        found = [line for line in body.decode().splitlines() if line.startswith(f"tonearm_origin_{name} ")]
        return int(float(found[0].split()[1])) if found else 0

    async def raw(self, target: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
        """The status and body for a request target exactly as given."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(method + b" " + target + b" HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body


@asynccontextmanager
async def served(store: ObjectStore, options: Options | None = None) -> AsyncIterator[Origin]:
    async with (
        listening(application("origin", routes(store, options)), "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as session,
    ):
        yield Origin(port, session)


@pytest.fixture
def serve() -> Callable[..., AbstractAsyncContextManager[Origin]]:
    return served


@pytest.fixture
async def published(store: ObjectStore, objects: list[tuple[str, bytes]]) -> ObjectStore:
    """The song `abc` in its version 1…1, whose first segment of `normal` is 1 MiB."""
    objects = [(path, BODY if path == "audio/normal/00001.m4s" else body) for path, body in objects]
    await publish(store, song_id="abc", version=V1, objects=objects, clock=lambda: 1000)
    return store


@pytest.fixture
async def origin(published: ObjectStore) -> AsyncIterator[Origin]:
    async with served(published) as running:
        yield running
