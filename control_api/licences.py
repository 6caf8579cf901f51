"""Content keys for players: the ClearKey licence endpoint, and raw keys for HLS.

Both stand behind the stream token, which names one version of one song: its keys are handed out, no others. Neither
a key nor a token is ever logged, and nothing of it may be stored on the way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar
from uuid import UUID

from aiohttp import web

from control_api.catalogue import Catalogue, read_entry
from control_api.endpoint import NO_STORE, Operation, read_body
from control_api.fields import Parameters
from drm.clearkey import MAX_REQUEST, answer
from drm.key_store import KeyStore
from media.errors import KeyMissing
from origin.tokens import Keyring, read

T = TypeVar("T")


class TokenPath(Parameters):
    token: str


class KeyPath(TokenPath):
    kid: UUID


class Licences:
    """`threads` are the key store's own; `clock` gives Unix milliseconds."""

    def __init__(
        self,
        catalogue: Catalogue,
        key_store: KeyStore,
        threads: Executor,
        keys: Keyring,
        clock: Callable[[], int],
    ) -> None:
        self.catalogue = catalogue
        self.key_store = key_store
        self.threads = threads
        self.keys = keys
        self.clock = clock

    def operations(self) -> list[Operation]:
        refusals = {403: "The token is no good", 404: "No such key for this song"}
        return [
            Operation(
                "POST",
                "/t/{token}/licence/clearkey",
                self.licence,
                "A ClearKey licence (W3C EME §9.1.4)",
                refusals=refusals
                | {413: "The body is too large", 415: "Compressed", 422: "Not a licence request"},
                request_types=("application/json", "application/octet-stream"),
                answer_types=("application/json",),
            ),
            Operation(
                "GET",
                "/t/{token}/keys/{kid}",
                self.key,
                "The 16 bytes of a content key (RFC 8216bis §4.4.4.4)",
                refusals=refusals,
                answer_types=("application/octet-stream",),
            ),
        ]

    async def licence(self, request: web.Request, path: TokenPath) -> web.Response:
        kids = await self._kids_of(request, path.token)
        body = await read_body(request, MAX_REQUEST)
        licence = await self._in_thread(lambda: answer(body, lambda asked: self._key(kids, asked)))
        return web.Response(body=licence, content_type="application/json", headers=NO_STORE)

    async def key(self, request: web.Request, path: KeyPath) -> web.Response:
        kids = await self._kids_of(request, path.token)
        key = await self._in_thread(lambda: self._key(kids, path.kid))
        if key is None:
            raise KeyMissing(f"key {path.kid}: not one of this song")
        return web.Response(body=key, content_type="application/octet-stream", headers=NO_STORE)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def _kids_of(self, request: web.Request, token: str) -> tuple[UUID, ...]:
        """The KIDs of the version that `token` opens, which may be an older one than the catalogue's."""
        claims = read(token, keys=self.keys, now_ms=self.clock(), client=request.remote or "")
        entry = self.catalogue.entries.get(claims.song_id)
        if entry is None or entry.version != claims.version:
            if not claims.version:
                raise KeyMissing("this token is for no single song")
            entry = await read_entry(self.catalogue.store, claims.song_id, claims.version)
        return entry.kids

    def _key(self, kids: tuple[UUID, ...], asked: UUID) -> bytes | None:
        """The key of `asked` if that is one of the song's own `kids`. Raises `KeyMissing` when the store has lost it."""
        return self.key_store.get(asked).key if asked in kids else None
