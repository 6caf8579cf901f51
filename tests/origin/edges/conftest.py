"""Those who talk: a listener, a real nginx or Varnish, a real verifier, and an origin that says what the test wants."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from click.testing import CliRunner

import cli
from edge_sim.edge.app import routes
from media.serving import application, listening
from origin.signing.akamai import AkamaiSigner
from origin.tokens import TokenKeys, sign

SONG = "songs/a-song/0123456789abcdef/"
KEYS = TokenKeys({"k1": bytes(range(32))}, "k1")
AKAMAI = AkamaiSigner([bytes(range(32))])


@dataclass
class Line:
    body: bytes
    headers: dict[str, str]
    gate: asyncio.Event | None = None


@dataclass
class Server:
    """Answers by path, remembers every question, and can die."""

    lines: dict[str, Line] = field(default_factory=dict)
    heard: list[tuple[str, str, Mapping[str, str], bytes]] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    url: str = ""

    def says(self, path: str, body: bytes, cache_control: str, **headers: str) -> Line:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        line = Line(
            body, {"Cache-Control": cache_control, "Content-Type": "audio/mp4", "ETag": '"e"'} | named
        )
        self.lines[path] = line
        return line

    def asked(self, path: str) -> int:
        return sum(path == each for _, each, _, _ in self.heard)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self.url = f"http://127.0.0.1:{await self.stack.enter_async_context(listening(app, '127.0.0.1', 0))}"

    async def dies(self) -> None:
        await self.stack.aclose()

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.raw_path[1:]
        self.heard.append((request.method, path, request.headers.copy(), await request.read()))
        line = self.lines.get(path)
        if line is None:
            return web.Response(status=404, headers={"Cache-Control": "no-store"})
        if line.gate:
            await line.gate.wait()
        if request.headers.get("If-None-Match") == line.headers["ETag"]:
            return web.Response(status=304, headers=line.headers)
        return web.Response(body=line.body, headers=line.headers)


@dataclass
class Heard:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cache(self) -> str:
        return ", ".join(self.headers.getall("Cache-Status", ()))  # type: ignore[attr-defined]


@dataclass
class Edge:
    """What a test has in its hands. `verified` are the questions to the verifier so far."""

    kind: str
    url: str
    origin: Server
    api: Server
    folder: Path
    session: aiohttp.ClientSession
    verifier: AsyncExitStack
    verified: list[str]

    def token(self, scope: str = SONG, life_ms: int = 60_000, **claims: Any) -> str:
        return sign(scope, keys=KEYS, expires_ms=time.time_ns() // 1_000_000 + life_ms, **claims)

    async def get(self, name: str, **headers: str) -> Heard:
        return await self.ask(f"/t/{self.token()}/{SONG}{name}", **headers)

    async def ask(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Heard:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = aiohttp.client.URL(self.url + target, encoded=True)
        async with self.session.request(method, url, headers=sent, data=body) as response:
            return Heard(response.status, response.headers, await response.read())


def free_port() -> int:
    with ExitStack() as stack:
        opened = stack.enter_context(socket.socket())
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


class Rack:
    def current(self) -> list[AkamaiSigner]:
        return [AKAMAI]


@pytest.fixture(params=["nginx", "varnish"])
async def edge(
    request: pytest.FixtureRequest, tmp_path: Path, edge_server: Callable[[str, Path], None]
) -> AsyncIterator[Edge]:
    """One of the two, freshly started with what `tonearm edge-config` wrote."""
    origin, api = Server(), Server()
    await origin.start()
    await api.start()
    async with AsyncExitStack() as verifier, aiohttp.ClientSession(auto_decompress=False) as session:
        table = routes(origin_url=origin.url, keys=KEYS, memory=1 << 20, signers=Rack(), behind_proxy=True)
        app = application("edge", table)
        verified: list[str] = []

        async def note(asked: web.Request, response: web.StreamResponse) -> None:
            if asked.path == "/verify":
                verified.append(asked.headers["X-Original-URI"])

        app.on_response_prepare.append(note)
        port = await verifier.enter_async_context(listening(app, "127.0.0.1", 0))
        listen = f"127.0.0.1:{free_port()}"
        configuration = tmp_path / "configuration"
        arguments = [
            *("edge-config", request.param, "--origin", origin.url, "--api", api.url),
            *("--verifier", f"http://127.0.0.1:{port}", "--listen", listen),
            *("--cache", f"{tmp_path}:16MB", "--out", str(configuration)),
        ]
        if request.param == "nginx":
            arguments += ["--access-log", f"{tmp_path}/access.log"]
        written = CliRunner().invoke(cli.root, arguments)
        assert written.exit_code == 0, written.output
        await asyncio.to_thread(edge_server, request.param, configuration)
        yield Edge(request.param, f"http://{listen}", origin, api, tmp_path, session, verifier, verified)
        await origin.dies()
        await api.dies()
