"""The control API, put together: its routes, and the task that follows the store.

    api = Api(store=open_store("file:/srv/music"), database=Database(url), key_store=…, token_keys=…, session_key=…)
    app = application("api", routes(api))

Nothing here stands between a listener and the music: playback survives the loss of this process.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from aiohttp import web

from control_api.accounts import Accounts
from control_api.autocomplete import Suggestions
from control_api.browse import Browse
from control_api.catalogue import Catalogue, Changes
from control_api.database import Database
from control_api.endpoint import Operation, route
from control_api.fields import View
from control_api.first_bytes import FirstBytes
from control_api.grants import Grants
from control_api.licences import Licences
from control_api.limits import Buckets
from control_api.neighbours import Neighbours
from control_api.openapi import document
from control_api.passwords import Passwords
from control_api.playlist_items import PlaylistItems
from control_api.playlists import Playlists
from control_api.plays import Plays
from control_api.recommendations import Recommendations
from control_api.rights import Rights
from control_api.search import SearchIndex
from control_api.sessions import Sessions
from control_api.starts import Starts
from drm.key_store import KeyStore
from media.errors import TonearmError
from media.ports import ObjectStore
from media.serving import Routes
from origin.tokens import Keyring

log = logging.getLogger("tonearm.api")


def unix_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `burst` at once, and one more every `refill_ms`."""

    burst: int
    refill_ms: int


@dataclass(frozen=True, slots=True)
class Rates:
    registrations: Rate = Rate(20, 10_000)
    log_ins: Rate = Rate(20, 2_000)
    guests: Rate = Rate(500, 20)


class Health(View):
    status: str
    songs: int


@dataclass
class Api:
    """What the API works with; all of it is put together by the caller, who also closes `store`.

    `interval_s` is how often the store is looked at; it is looked at less often when that takes long. `start_patience_s` is how
    long the answer to a start waits for the store, `first_bytes` the bytes of music that it keeps in memory for starts.
    """

    store: ObjectStore
    database: Database
    key_store: KeyStore
    token_keys: Keyring
    session_key: bytes = field(repr=False)
    edge_url: str = ""
    guests: bool = True
    grant_s: int = 1200
    interval_s: float = 5.0
    start_patience_s: float = 0.01
    first_bytes: int = 256 << 20
    rates: Rates = Rates()
    passwords: Passwords = field(default_factory=Passwords)
    clock: Callable[[], int] = unix_ms

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(self.store, self.database)
        self.index = SearchIndex()
        self.suggestions = Suggestions()
        self.popularity: dict[str, float] = {}
        self._neighbours = Neighbours({})
        accounts = Accounts(
            self.database, self.passwords, self._buckets(self.rates.registrations), self.clock
        )
        self.sessions = Sessions(
            accounts,
            self.session_key,
            self.clock,
            guests=self.guests,
            tries=self._buckets(self.rates.log_ins),
            arrivals=self._buckets(self.rates.guests),
        )
        self._plays = Plays(self.database, self.catalogue, self.clock)
        self._rights = Rights(self.database, self.catalogue)
        playlists = Playlists(self.database, self.catalogue, self.clock)
        grants = Grants(
            self.catalogue,
            self._rights,
            self.token_keys,
            self.clock,
            edge_url=self.edge_url,
            lifetime_s=self.grant_s,
        )
        self._first_bytes = FirstBytes(self.store, memory=self.first_bytes)
        # Threads that wait for nothing else: a folder that hangs keeps all the others, and keys must still be had.
        self._key_threads = ThreadPoolExecutor(2, "keys")
        starts = Starts(
            grants, self.key_store, self._key_threads, self._first_bytes, patience_s=self.start_patience_s
        )
        recommendations = Recommendations(
            self.catalogue, self._plays, lambda: self._neighbours, self.popularity
        )
        self.operations = [
            *accounts.operations(),
            *self.sessions.operations(),
            *Browse(self.catalogue, self.index, self.suggestions, self.popularity).operations(),
            *grants.operations(),
            *starts.operations(),
            *self._rights.operations(),
            *playlists.operations(),
            *PlaylistItems(playlists, self.clock).operations(),
            *recommendations.operations(),
            *self._plays.operations(),
            *Licences(
                self.catalogue, self.key_store, self._key_threads, self.token_keys, self.clock
            ).operations(),
            Operation(
                "GET", "/v1/healthz", self.health, "Whether the API is up, and how many songs it knows"
            ),
            Operation(
                "GET", "/openapi.json", self.describe, "This document", answer_types=("application/json",)
            ),
        ]
        self._document = document(self.operations)

    def _buckets(self, rate: Rate) -> Buckets:
        return Buckets(rate.burst, rate.refill_ms, self.clock)

    async def health(self) -> Health:
        return Health(status="ok", songs=len(self.catalogue.entries))

    async def describe(self) -> web.Response:
        return web.json_response(self._document, headers={"Cache-Control": "no-cache"})

    async def refresh(self) -> None:
        """Bring rights, catalogue, search, recommendations and popularity up to date. Raises `TonearmError`."""
        await self._rights.load()
        await self._follow(await self.catalogue.refresh())
        self.popularity.update(await self._plays.popularity())

    async def _follow(self, changes: Changes) -> None:
        if changes:
            await asyncio.to_thread(self._index, changes)

    def _index(self, changes: Changes) -> None:
        """Blocking."""
        self.index.update(changes.changed, changes.removed)
        self.suggestions.update(changes.changed, changes.removed)
        self._neighbours = Neighbours(self.catalogue.entries)

    async def lifetime(self, _: web.Application) -> AsyncIterator[None]:
        """Open what there is, look at the store once, then follow it until the end."""
        await self.database.open()
        await self._follow(await self.catalogue.load())
        started = time.monotonic()
        await self._try_refresh()
        follower = asyncio.create_task(self._keep_following(time.monotonic() - started))
        try:
            yield
        finally:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)
            await self._first_bytes.close()
            self._key_threads.shutdown(wait=False)
            await self.database.close()

    async def _keep_following(self, took: float) -> None:
        while True:
            await asyncio.sleep(max(self.interval_s, 10 * took))
            started = time.monotonic()
            await self._try_refresh()
            took = time.monotonic() - started

    async def _try_refresh(self) -> None:
        try:
            await self.refresh()
        except TonearmError as error:
            log.warning("the catalogue stays as it is: %s", error)
        except Exception:
            log.exception("the catalogue stays as it is")


def routes(api: Api) -> Routes:
    """Every route of the API, with absolute paths; `media.serving.application` runs their lifetime."""
    return Routes([route(operation, api.sessions.authenticate) for operation in api.operations], api.lifetime)
