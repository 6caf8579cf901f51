"""Stream grants: a signed address for one version of one song, for a quarter to half an hour.

It answers with everything a player needs to begin: no further question to the API stands between it and the first
segment. Who wants that segment's bytes at once asks for the start instead (`control_api.starts`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from aiohttp import web
from pydantic import Field

from control_api.browse import SongPath
from control_api.catalogue import Catalogue
from control_api.endpoint import Access, Caller, Operation
from control_api.fields import View
from control_api.rights import Rights
from control_api.songs import Entry, Opening
from media import layout
from media.errors import ApiError, SettingsError
from origin.tokens import Keyring, sign

_ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?", re.ASCII)


class ProtectionView(View):
    scheme: str = Field(description="none, cenc, cbcs or aes-128")
    kid: str | None = Field(description="of the start rendition's key; null when the song is not protected")
    kids: list[str] = Field(
        description="of all renditions' keys, each once; this token opens every one of them"
    )


class Part(View):
    path: str = Field(description="relative to base_url")
    offset: int
    size: int = Field(description="bytes")


class RenditionView(View):
    """Where a start begins. A header and a segment of one path are byte ranges of one file."""

    name: str
    codec: str = Field(description="RFC 6381")
    kid: str | None
    init: Part
    first_segment: Part


class Grant(View):
    """Addresses are absolute; all of them carry the token, so they are for this listener and this song alone."""

    song_id: str
    version: str
    expires_at: int = Field(description="Unix time in milliseconds")
    base_url: str
    manifests: dict[str, str]
    start_playlists: dict[str, str] = Field(
        description="the start rendition's HLS media playlist, by the kind of manifest: one request less, and no other quality"
    )
    presentation_url: str
    license_url: str | None = Field(description="null when the song is not protected")
    protection: ProtectionView
    start_rendition: str
    renditions: list[RenditionView]
    samples: int
    sample_rate: int


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who may stream: until when in Unix ms, and where all addresses of the token begin."""

    expires_ms: int
    root: str


class Grants:
    """`edge_url` is where the edge is reached, empty for the host that the request itself named.

    `lifetime_s` is 900 to 1800; `clock` gives Unix milliseconds. Raises `SettingsError`.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        rights: Rights,
        keys: Keyring,
        clock: Callable[[], int],
        *,
        edge_url: str = "",
        lifetime_s: int = 1200,
    ) -> None:
        if not 900 <= lifetime_s <= 1800:
            raise SettingsError(f"grants last 15 to 30 minutes, not {lifetime_s} s")
        if edge_url and (urlsplit(edge_url).scheme not in ("http", "https") or not urlsplit(edge_url).netloc):
            raise SettingsError(f"edge URL {edge_url!r}: expected http://… or https://…")
        self.catalogue = catalogue
        self.rights = rights
        self.keys = keys
        self.clock = clock
        self.edge_url = edge_url.rstrip("/")
        self.lifetime_s = lifetime_s

    def operations(self) -> list[Operation]:
        return [
            Operation(
                "GET",
                "/v1/songs/{song_id}/stream",
                self.grant,
                "A signed address to stream a song from",
                access=Access.ACCOUNT,
                refusals={
                    400: "The Host header names no host",
                    403: "Not in this tier or region",
                    404: "There is no such song",
                },
            )
        ]

    def admit(self, entry: Entry, request: web.Request, caller: Caller) -> Admitted:
        """Raises `ApiError` 403 where `caller` has no right to the song, 400 for a Host that is none."""
        self.rights.check(caller, entry.song.song_id)
        expires_ms = self.clock() + self.lifetime_s * 1000
        token = sign(entry.folder, keys=self.keys, expires_ms=expires_ms, user=caller.account_id)
        return Admitted(expires_ms, f"{self.edge_url or _origin(request)}/t/{token}/")

    async def grant(self, request: web.Request, caller: Caller, path: SongPath) -> Grant:
        entry = self.catalogue.find(path.song_id)
        admitted = self.admit(entry, request, caller)
        root, base = admitted.root, admitted.root + entry.folder
        return Grant(
            song_id=path.song_id,
            version=entry.version,
            expires_at=admitted.expires_ms,
            base_url=base,
            manifests={kind: base + name for kind, name in entry.manifests.items()},
            start_playlists={
                kind: base + layout.media_playlist(entry.start_rendition, kind)
                for kind in entry.manifests
                if kind in layout.PLAYLISTS
            },
            presentation_url=base + layout.PRESENTATION,
            license_url=None if entry.kid is None else root + layout.LICENCE,
            protection=ProtectionView(
                scheme=entry.scheme, kid=_text(entry.kid), kids=[str(kid) for kid in entry.kids]
            ),
            start_rendition=entry.start_rendition,
            renditions=[rendition_view(each, entry.kid_of(each)) for each in entry.openings],
            samples=entry.samples,
            sample_rate=entry.sample_rate,
        )


def rendition_view(opening: Opening, kid: UUID | None) -> RenditionView:
    return RenditionView(
        name=opening.name,
        codec=opening.codec,
        kid=_text(kid),
        init=Part(path=opening.init, offset=0, size=opening.init_size),
        first_segment=Part(path=opening.segment, offset=opening.offset, size=opening.size),
    )


def _text(kid: UUID | None) -> str | None:
    return None if kid is None else str(kid)


def _origin(request: web.Request) -> str:
    """The origin that the listener sent the request to, by its own word. Raises `ApiError` 400 when that is no host's name.

    An edge in front passes the Host on, and says by ``X-Forwarded-Proto`` that it speaks TLS. To believe both is safe: only the
    sender sees the answer, which no cache may keep, and a page cannot choose the Host of the requests it makes.
    """
    try:
        origin = str(request.url.origin())
        if request.headers.get("X-Forwarded-Proto") == "https":
            origin = f"https://{origin.partition('://')[2]}"
    except ValueError:
        origin = ""
    if not _ORIGIN.fullmatch(origin):
        raise ApiError(400, "bad-host", "the Host header names no host")
    return origin
