"""The start: a stream grant, the licence and the first bytes of sound in one answer of at most 11,000 bytes.

One round trip after the press a player has all that the first sound is made of (`media.start_bundle`), and from the words
in it all that playing on takes. Nothing in the bundle is told to anyone who might not ask for it one by one: grant,
licence and media stand behind the same session, the same rights and the same token.

Under AES-128 the segment comes decrypted, so that the bundle is one playable file under every protection: its key stands
in the same answer, and what may be decrypted by everyone who reads it is no secret.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Annotated
from uuid import UUID

from aiohttp import web
from pydantic import Field, StringConstraints

from control_api.browse import SongPath
from control_api.endpoint import NO_STORE, Access, Caller, Operation
from control_api.fields import Parameters, View
from control_api.first_bytes import FirstBytes, Parts
from control_api.grants import Grants, RenditionView, rendition_view
from control_api.songs import Entry, Opening
from control_api.start_choice import choose, size_of
from drm import aes128
from drm.clearkey import licence
from drm.key_store import KeyStore
from media import layout, start_bundle
from media.errors import FormatError

Milliseconds = Annotated[int, Field(ge=0, le=60_000)]


class StartQuery(Parameters):
    mtp: Annotated[int, Field(ge=1, le=10**9)] | None = Field(
        default=None, description="the listener's measured throughput in kbit/s (CTA-5004 `mtp`)"
    )
    rtt: Milliseconds = Field(
        default=0, description="the listener's measured round trip in ms; counts with `mtp`"
    )
    rendition: Annotated[str, StringConstraints(max_length=64)] = Field(
        default="",
        description="the rendition that the listener chose; where the song has none of that name, ours",
    )


class KeyView(View):
    kty: str
    kid: str
    k: str


class LicenceView(View):
    """What the licence server answers for all keys of the song (W3C EME §9.1.4)."""

    keys: list[KeyView]
    type: str


class KidsView(View):
    scheme: str = Field(description="none, cenc, cbcs or aes-128")
    kids: list[str] = Field(description="of all renditions' keys, each once")


class StartWords(View):
    """The JSON in a start bundle. Addresses are relative to `base_url`, which carries the token."""

    song_id: str
    version: str
    expires_at: int = Field(description="Unix time in milliseconds")
    base_url: str
    presentation_url: str
    license_url: str | None = Field(description="null when the song is not protected")
    protection: KidsView
    rendition: RenditionView = Field(
        description="that of the bundle's media, or the one to begin with where there is none"
    )
    license: LicenceView | None = Field(description="null when the song is not protected")
    samples: int
    sample_rate: int


class Starts:
    """`threads` are the key store's own; `patience_s` is how long an answer waits for the store when all else is ready."""

    def __init__(
        self,
        grants: Grants,
        key_store: KeyStore,
        threads: Executor,
        first_bytes: FirstBytes,
        *,
        patience_s: float,
    ) -> None:
        self.grants = grants
        self.key_store = key_store
        self.threads = threads
        self.first_bytes = first_bytes
        self.patience_s = patience_s

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "GET",
                "/v1/songs/{song_id}/start",
                self.start,
                "All that the first sound is made of, in one answer",
                access=Access.ACCOUNT,
                refusals={
                    400: "The Host header names no host",
                    403: "Not in this tier or region",
                    404: "There is no such song, or its key is lost",
                },
                answer_types=(start_bundle.MEDIA_TYPE,),
                answer_words=StartWords,
            )
        ]

    async def start(
        self, request: web.Request, caller: Caller, path: SongPath, query: StartQuery
    ) -> web.Response:
        entry = self.grants.catalogue.find(path.song_id)
        admitted = self.grants.admit(entry, request, caller)
        opening = choose(entry, mtp=query.mtp, rtt=query.rtt, rendition=query.rendition)
        fits = size_of(opening) < start_bundle.LARGEST
        reading = self.first_bytes.begin(entry, opening) if fits else None
        kids = entry.kids
        keys = await self._keys(kids) if kids else {}
        words = StartWords(
            song_id=path.song_id,
            version=entry.version,
            expires_at=admitted.expires_ms,
            base_url=admitted.root + entry.folder,
            presentation_url=layout.PRESENTATION,
            license_url=f"../../../{layout.LICENCE}" if kids else None,
            protection=KidsView(scheme=entry.scheme, kids=[str(kid) for kid in kids]),
            rendition=rendition_view(opening, entry.kid_of(opening)),
            license=LicenceView.model_validate(licence(keys)) if kids else None,
            samples=entry.samples,
            sample_rate=entry.sample_rate,
        )
        parts = None
        if reading is not None:
            await asyncio.wait([reading], timeout=self.patience_s)
            parts = reading.result() if reading.done() else None
        media = self._media(entry, opening, parts, keys)
        document = words.model_dump_json().encode()
        bundle = start_bundle.write(document, media)
        if len(bundle) > start_bundle.LARGEST:
            bundle = start_bundle.write(document, b"")
        return web.Response(body=bundle, content_type=start_bundle.MEDIA_TYPE, headers=NO_STORE)

    async def _keys(self, kids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Raises `KeyMissing` when the store has lost one."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self.threads, self.key_store.several, kids)
        return {kid: key.key for kid, key in found.items()}

    @staticmethod
    def _media(entry: Entry, opening: Opening, parts: Parts | None, keys: dict[UUID, bytes]) -> bytes:
        if parts is None:
            return b""
        header, segment = parts
        kid = entry.kid_of(opening)
        if entry.scheme == "aes-128" and kid is not None:
            try:
                segment = aes128.decrypt(segment, key=keys[kid], iv=bytes.fromhex(opening.iv))
            except (FormatError, ValueError):
                return b""  # damaged, or not what the presentation says: the player finds out the usual way
        return header + segment
