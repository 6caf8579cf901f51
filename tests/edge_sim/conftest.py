"""The three who talk in these tests: a listener, the real edge, and an origin that says what the test wants.

Everything is real HTTP over loopback. Time is a number that the test moves; the order of things is made by gates
that the test opens.
"""

from __future__ import annotations

import asyncio
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import aiohttp
import av
import numpy
import pytest
from aiohttp import web

from drm import aes128
from drm.clearkey import licence
from drm.keys import ContentKey
from drm.signalling import signal
from drm.systems import DrmSystem
from edge_sim.edge.app import routes
from edge_sim.links import missing
from edge_sim.policies import DEFAULT
from media import start_bundle
from media.access_units import AccessUnits, Encoded
from media.layout import IMMUTABLE
from media.presentation import Loudness, Presentation
from media.serving import application, listening
from media.song import Song
from origin.tokens import TokenKeys, sign
from packager.encryption import Encryption
from packager.package import Package, package

SONG = "songs/a-song/0123456789abcdef/"
START_MS = 1_800_000_000_000


@dataclass
class Clock:
    """Unix time in ms that stands still until the test moves it."""

    ms: int = START_MS

    def __call__(self) -> int:
        return self.ms


class Gate:
    """Holds the origin's answer: `reached` when the question is there, then it waits for `open`."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._opened = asyncio.Event()

    def open(self) -> None:
        self._opened.set()

    async def passed(self) -> None:
        self.reached.set()
        await self._opened.wait()


@dataclass
class Line:
    """What the origin says to one question.

    `cut` ends the body that early and drops the connection; `unbounded` ends it by closing the connection, without
    having said how long it is. `gate` stands before the answer, or behind `after` bytes of its body. With `ranges`, a question for a range is
    answered with it, past the gate.
    """

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""
    cut: int | None = None
    chunked: bool = False
    unbounded: bool = False
    gate: Gate | None = None
    after: int | None = None
    ranges: bool = False


@dataclass
class Question:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def _path(name: str) -> str:
    return name[1:] if name.startswith("/") else SONG + name


class Origin:
    """An origin that is programmed by path, remembers every question, and can be switched off."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.heard: list[Question] = []
        self.url = ""
        self._stack = AsyncExitStack()

    def says(
        self,
        name: str,
        body: bytes = b"",
        *,
        cache_control: str = IMMUTABLE,
        headers: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> None:
        """From now on this is the answer for `name`: an object of the song, or any path from ``/`` on."""
        given = {"Content-Type": "audio/mp4", "Cache-Control": cache_control} | dict(headers or {})
        self.lines[_path(name)] = Line(body, headers={n: v for n, v in given.items() if v}, **rest)

    def holds(self, name: str, *, after: int | None = None) -> Gate:
        """From now on the answer for `name` waits for the gate, or does so when `after` bytes of its body are out."""
        line = self.lines[_path(name)]
        line.gate, line.after = Gate(), after
        return line.gate

    def forgets(self, name: str) -> None:
        del self.lines[_path(name)]

    def asked(self, name: str) -> list[Question]:
        """The questions for `name` so far."""
        return [question for question in self.heard if question.path == _path(name)]

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        port = await self._stack.enter_async_context(listening(app, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{port}"

    async def dies(self) -> None:
        await self._stack.aclose()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        self.heard.append(Question(request.method, path, request.headers, await request.read()))
        line = self.lines.get(path)
        if line is None:
            return web.Response(status=404, text="nothing here", headers={"Cache-Control": "no-store"})
        ranged = line.ranges and "Range" in request.headers
        if line.gate is not None and line.after is None and not ranged:
            await line.gate.passed()
        headers = {**line.headers, **({"ETag": line.etag} if line.etag else {})}
        if line.etag and request.headers.get("If-None-Match") == line.etag:
            return web.Response(status=304, headers=headers)
        if ranged:
            start, stop, _ = request.http_range.indices(len(line.body))
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(line.body)}"
            return web.Response(status=206, body=line.body[start:stop], headers=headers)
        response = web.StreamResponse(status=line.status, headers=headers)
        if line.unbounded:
            assert request.transport is not None
            request.transport.write(b"HTTP/1.0 200 OK\r\n\r\n" + line.body)
            request.transport.close()
            return response
        if line.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(line.body)
        await response.prepare(request)
        if request.method != "HEAD":
            if line.gate is not None and line.after is not None:
                await response.write(line.body[: line.after])
                await line.gate.passed()
            await response.write(line.body[line.after or 0 : line.cut])
            if line.cut is not None:
                assert request.transport is not None
                request.transport.close()
                return response
        await response.write_eof()
        return response


@dataclass
class Heard:
    """What the listener got. `cache` is Cache-Status; `whole` says whether the body came to its announced end."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True

    @property
    def cache(self) -> str:
        return self.headers.get("Cache-Status", "")


class Talk:
    """A listener's side of the conversation."""

    def __init__(self, base: str, session: aiohttp.ClientSession, keys: TokenKeys) -> None:
        self.base = base
        self.keys = keys
        self.session = session
        self.token = self.sign(SONG)

    def sign(self, scope: str, *, expires_ms: int = START_MS + 1_800_000) -> str:
        return sign(scope, keys=self.keys, expires_ms=expires_ms)

    async def get(self, name: str, *, method: str = "GET", **headers: str) -> Heard:
        """Ask for an object of the song, with the token; header names are written with ``_``."""
        return await self.ask(f"/t/{self.token}/{SONG}{name}", method=method, **headers)

    def begin(self, name: str, **headers: str) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Ask as `get` does, and read of the answer what the test wants."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.get(f"{self.base}/t/{self.token}/{SONG}{name}", headers=sent)

    async def ask(
        self, target: str, *, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Heard:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = aiohttp.client.URL(self.base + target, encoded=True)
        async with self.session.request(method, url, headers=sent, data=body) as response:
            got = bytearray()
            try:
                async for chunk in response.content.iter_any():
                    got += chunk
            except aiohttp.ClientPayloadError:
                return Heard(response.status, response.headers, bytes(got), whole=False)
            return Heard(response.status, response.headers, bytes(got))

    async def count(self, name: str, label: str = "") -> int:
        """One of the edge's own counters, as `/metrics` tells it."""
        wanted = f"tonearm_edge_{name}{label}"
        for line in (await self.ask("/metrics")).body.decode().splitlines():
            if line.rpartition(" ")[0] == wanted:
                return int(float(line.rpartition(" ")[2]))
        return 0

    async def joined(self, collapsed: int) -> None:
        """Let the others proceed until so many requests have joined a fetch; the test's timeout is the limit."""
        while await self.count("requests_total", '{cache="collapsed"}') < collapsed:
            pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def token_keys() -> TokenKeys:
    return TokenKeys({"k1": bytes(range(32))}, active="k1")


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    scripted = Origin()
    await scripted.start()
    yield scripted
    await scripted.dies()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as opened:
        yield opened


@pytest.fixture
def memory() -> int:
    """The edge's budget in bytes; a test module or class may override it."""
    return 1 << 20


@pytest.fixture
def policy() -> str:
    """Who leaves the edge's memory; a test module or class may override it."""
    return DEFAULT


@pytest.fixture
def fast_path() -> bool:
    """Whether the edge answers plain requests past most of aiohttp; a test module or class may override it."""
    return True


@pytest.fixture
async def talk(
    origin: Origin,
    clock: Clock,
    token_keys: TokenKeys,
    session: aiohttp.ClientSession,
    memory: int,
    policy: str,
    fast_path: bool,
) -> AsyncIterator[Talk]:
    """A listener before a fresh edge before the scripted origin."""
    table = routes(
        origin_url=origin.url,
        keys=token_keys,
        memory=memory,
        policy=policy,
        clock=clock,
        api_url=f"{origin.url}/api",
        fast_path=fast_path,
    )
    async with listening(application("edge", table), "127.0.0.1", 0) as port:
        yield Talk(f"http://127.0.0.1:{port}", session, token_keys)


KID = UUID("00112233-4455-6677-8899-aabbccddeeff")
KEY = bytes(range(16, 32))
OTHER_KID = UUID("ffeeddcc-bbaa-9988-7766-554433221100")
OTHER_KEY = bytes(range(32, 48))


def encode(pcm: numpy.ndarray) -> Encoded:
    """Real AAC-LC of mono samples at 44.1 kHz, by the libraries inside PyAV."""
    codec = av.CodecContext.create("aac", "w")
    codec.sample_rate, codec.layout, codec.format, codec.bit_rate = 44100, "mono", "fltp", 64_000
    codec.open()
    packets: list[bytes] = []
    for start in range(0, len(pcm), 1024):
        frame = av.AudioFrame.from_ndarray(pcm[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 44100, start
        packets += map(bytes, codec.encode(frame))
    packets += map(bytes, codec.encode(None))
    units = AccessUnits(b"".join(packets), numpy.array([len(packet) for packet in packets]), 1024)
    assert codec.extradata is not None
    return Encoded("normal", "mp4a.40.2", codec.extradata, 64_000, 44100, 1, 1024, len(pcm), units)


@pytest.fixture(scope="session")
def tone() -> Encoded:
    """Six seconds of A4."""
    return encode((0.3 * numpy.sin(2 * numpy.pi * 440 / 44100 * numpy.arange(6 * 44100))).astype("f4"))


@pytest.fixture(scope="session")
def hush() -> Encoded:
    """Two seconds of digital silence."""
    return encode(numpy.zeros(2 * 44100, "f4"))


@dataclass
class Stage:
    """A song on the origin, an API beside it, the edge before both."""

    origin: Origin
    talk: Talk

    @property
    def key_name(self) -> str:
        return f"/api/t/{self.talk.token}/keys/{KID}"

    @property
    def licence_name(self) -> str:
        return f"/api/t/{self.talk.token}/licence/clearkey"

    def url(self, name: str) -> str:
        return f"{self.talk.base}/t/{self.talk.token}/{SONG}{name}"

    def publish(
        self,
        encoded: Encoded,
        scheme: str = "none",
        *,
        own_key: bool = False,
        one_file: bool = False,
        systems: Sequence[DrmSystem] = (),
        media: bool = True,
    ) -> Presentation:
        """Package for real, and let origin and API say what a player will ask for: `encoded`, and as ``high`` once more.

        With `own_key` that second one has another key; without `media` a start bundle has words alone.
        """
        first = ContentKey(KID, KEY, "a-song", 0)
        second = ContentKey(OTHER_KID, OTHER_KEY, "a-song.high", 0) if own_key else first
        keys = {} if scheme == "none" else {encoded.name: first, "high": second}
        packed = package(
            [encoded, replace(encoded, name="high", bitrate=encoded.bitrate + 96_000)],
            song=Song("a-song", "A Song"),
            version="0123456789abcdef",
            encryption=Encryption(
                scheme,
                keys,
                signalling=[
                    signal(system, key.kid, scheme, license_url="https://drm.example/", key=key.key)
                    for system in systems
                    for key in (first, second)
                ],
            ),
            loudness=Loudness(None, None, None),
            public={},
            master={},
            one_file=one_file,
        )
        for name, body in packed.objects():
            self.origin.says(name, body)
        for key in (first, second):
            self.origin.says(self.key_name.replace(str(KID), str(key.kid)), key.key, cache_control="no-store")
        self.licence(KEY)
        self._api(packed.presentation)
        self.bundle(packed, media=media)
        return packed.presentation

    def licence(self, key: bytes) -> None:
        """From now on the licence server says this, and the second rendition's key."""
        keys = {KID: key, OTHER_KID: OTHER_KEY}
        items = [
            {"kty": "oct", "kid": _base64url(kid.bytes), "k": _base64url(value)}
            for kid, value in keys.items()
        ]
        self._json(self.licence_name, {"keys": items, "type": "temporary"})

    def bundle(self, packed: Package, *, media: bool = True) -> None:
        """From now on a start says this, as `control_api.starts` does."""
        presentation, bodies = packed.presentation, packed.bodies
        rendition = presentation.rendition(presentation.start_rendition)
        scheme, kid, first = (
            presentation.protection.scheme,
            presentation.kid_of(rendition),
            rendition.segments[0],
        )
        segment = bodies[first.path][first.offset : first.offset + first.size]
        if scheme == "aes-128":
            segment = aes128.decrypt(segment, key=KEY, iv=bytes.fromhex(rendition.iv))
        words = {
            "base_url": self.url(""),
            "presentation_url": "presentation.json",
            "protection": {"scheme": scheme, "kids": [str(each) for each in presentation.kids]},
            "rendition": {
                "name": rendition.name,
                "kid": None if kid is None else str(kid),
                "init": {"path": rendition.init},
                "first_segment": {"path": first.path},
            },
            "license": None if kid is None else licence({kid: KEY}),
        }
        whole = bodies[rendition.init][: rendition.init_size] + segment
        body = start_bundle.write(json.dumps(words).encode(), whole if media else b"")
        for song in ("a-song", "b-song"):
            self.origin.says(f"/api/v1/songs/{song}/start", body, cache_control="no-store")

    def _api(self, presentation: Presentation) -> None:
        self._json("/api/v1/sessions/guest", {"access_token": "guest", "token_type": "Bearer"})
        self._json("/api/v1/sessions", {"access_token": "member", "token_type": "Bearer"})
        self._json(
            "/api/v1/songs", {"items": [{"song_id": "a-song"}, {"song_id": "b-song"}], "next_cursor": None}
        )
        grant = {
            "manifests": {kind: self.url(name) for kind, name in presentation.manifests.items()},
            "base_url": self.url(""),
            "presentation_url": self.url("presentation.json"),
            "start_rendition": presentation.start_rendition,
            "license_url": f"{self.talk.base}/t/{self.talk.token}/licence/clearkey",
            "protection": {
                "kid": str(presentation.protection.kid),
                "kids": [str(kid) for kid in presentation.kids],
            },
        }
        for song in ("a-song", "b-song"):
            self._json(f"/api/v1/songs/{song}/stream", grant)

    def _json(self, name: str, document: object) -> None:
        self.origin.says(
            name,
            json.dumps(document).encode(),
            cache_control="no-store",
            headers={"Content-Type": "application/json"},
        )


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def stage(origin: Origin, talk: Talk) -> Stage:
    return Stage(origin, talk)


@pytest.fixture(scope="session")
def links() -> None:
    """Whoever asks for it gets real links, or skips."""
    if reason := missing():
        pytest.skip(reason)
