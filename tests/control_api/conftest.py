"""A real API on loopback over a real SQLite file and a real store, with small songs that tests publish as they need."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from argon2 import PasswordHasher
from yarl import URL

from control_api.app import Api, Rate, Rates, routes
from control_api.database import Database, default_url
from control_api.passwords import Passwords
from drm.key_store import KeyStore
from media.ports import ObjectStore
from media.presentation import Loudness, Presentation, Protection, Rendition, Segment
from media.registry import open_store
from media.serving import application
from media.song import Song
from origin.publish import publish
from origin.tokens import TokenKeys

PASSWORD = "correct horse battery"
VERSION = "0123456789abcdef"


@dataclass
class Clock:
    """Unix milliseconds that pass only when told."""

    now: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now


def presentation(
    song_id: str,
    title: str,
    *,
    version: str = VERSION,
    kid: UUID | None = None,
    scheme: str = "cbcs",
    renditions: tuple[Rendition, ...] = (),
    **song: Any,
) -> Presentation:
    """Twenty seconds in one rendition, unless `samples` says otherwise; what is no field of a song goes elsewhere."""
    samples = song.pop("samples", 20 * 44_100)
    lufs = song.pop("lufs", -14.0)
    segment = Segment("audio/normal/00001.m4s", 0, samples, 4)
    rendition = Rendition(
        "normal", "mp4a.40.2", 96_000, 44_100, 2, 1024, 96_000, 96_000, "audio/normal/init.mp4", 4, (segment,)
    )
    return Presentation(
        song=Song(song_id=song_id, title=title, **song),
        version=version,
        samples=samples,
        sample_rate=44_100,
        renditions=renditions or (rendition,),
        protection=Protection() if kid is None else Protection(scheme, kid),
        loudness=Loudness(lufs, 5.0, -1.0),
        manifests={"hls": "hls.m3u8", "dash": "dash.mpd"},
        peaks="public/peaks.json",
        cover="public/cover.jpg",
    )


@dataclass
class Listener:
    """One person at the API: a client and, once logged in, a session."""

    client: TestClient[Any, Any]
    headers: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str | URL, **options: Any) -> ClientResponse:
        """`path` may also be an address that the API itself gave."""
        headers = self.headers | options.pop("headers", {})
        if isinstance(path, str):
            path = path.removeprefix(str(self.client.make_url("")).rstrip("/"))
        return await self.client.request(method, path, headers=headers, **options)

    async def ok(self, method: str, path: str | URL, status: int = 200, **options: Any) -> Any:
        """The JSON of a call that must succeed."""
        response = await self.call(method, path, **options)
        assert response.status == status, await response.text()
        return await response.json() if status != 204 else None

    async def refused(self, status: int, method: str, path: str | URL, **options: Any) -> dict[str, Any]:
        """The problem of a call that must be refused."""
        response = await self.call(method, path, **options)
        assert response.status == status, await response.text()
        assert response.content_type == "application/problem+json"
        problem: dict[str, Any] = await response.json()
        assert problem["status"] == status
        return problem


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ObjectStore]:
    opened = open_store(f"file:{tmp_path / 'store'}")
    yield opened
    await opened.close()


@pytest.fixture
def publish_song(store: ObjectStore) -> Callable[..., Awaitable[Presentation]]:
    async def publish_song(song_id: str, title: str = "", **values: Any) -> Presentation:
        made = presentation(song_id, title or song_id, **values)
        objects = [
            ("audio/normal/init.mp4", b"head"),
            ("audio/normal/00001.m4s", b"note"),
            ("presentation.json", made.to_json()),
        ]
        await publish(store, song_id=song_id, version=made.version, objects=objects)
        return made

    return publish_song


@pytest.fixture
def key_store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", bytes(32))


@pytest.fixture
def token_keys() -> TokenKeys:
    return TokenKeys({"k1": bytes(range(32))}, active="k1")


@pytest.fixture
def make_api(
    tmp_path: Path, store: ObjectStore, key_store: KeyStore, token_keys: TokenKeys, clock: Clock
) -> Callable[..., Api]:
    """An API over the test's own store and records; the store is looked at when a test says `refresh`."""

    def make_api(**options: Any) -> Api:
        settings: dict[str, Any] = {
            "store": store,
            "database": Database(default_url(tmp_path)),
            "key_store": key_store,
            "token_keys": token_keys,
            "session_key": b"s" * 32,
            "clock": clock,
            "interval_s": 3600,
            "rates": Rates(Rate(1000, 1), Rate(1000, 1), Rate(1000, 1)),
            "passwords": Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
            "start_patience_s": 60,  # a busy machine is no slow store
        }
        return Api(**(settings | options))

    return make_api


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()


@pytest.fixture
def start(aiohttp_client: Any) -> Callable[[Api], Awaitable[Listener]]:
    """Serve an API; gives somebody without a session."""

    async def start(api: Api) -> Listener:
        server = TestServer(application("api", routes(api)))
        await server.start_server(auto_decompress=False)  # as `media.serving.listening` does
        return Listener(await aiohttp_client(server))

    return start


@pytest.fixture
async def stranger(start: Callable[[Api], Awaitable[Listener]], api: Api) -> Listener:
    return await start(api)


@pytest.fixture
def sign_up(stranger: Listener) -> Callable[..., Awaitable[Listener]]:
    """Register and log in."""

    async def sign_up(name: str, region: str | None = None) -> Listener:
        credentials = {"email": f"{name}@example.org", "password": PASSWORD}
        await stranger.ok("POST", "/v1/accounts", 201, json=credentials | {"region": region})
        session = await stranger.ok("POST", "/v1/sessions", json=credentials)
        return Listener(stranger.client, {"Authorization": f"Bearer {session['access_token']}"})

    return sign_up


@pytest.fixture
async def ann(sign_up: Callable[..., Awaitable[Listener]]) -> Listener:
    return await sign_up("ann", "NO")


@pytest.fixture
async def bob(sign_up: Callable[..., Awaitable[Listener]]) -> Listener:
    return await sign_up("bob", "SE")
