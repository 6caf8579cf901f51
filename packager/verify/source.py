"""Where a presentation is read from: a folder, or an http(s) address.

Given may be the version's folder or address, anything that lies in it (presentation.json, a manifest), or the song's,
where ``current.json`` names the version. Paths come out of a document that may be wrong or hostile, so only plain
relative paths are ever looked up.
"""

from __future__ import annotations

import asyncio
import json
import posixpath
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from manifests.addresses import plain
from media.errors import FormatError, ManifestError, ObjectMissing, SettingsError, StoreUnavailable
from media.layout import CURRENT, PRESENTATION, VERSION

AT_ONCE = 8  # files that are fetched at a time
LARGEST = 256 << 20  # bytes; no file of a presentation comes near
_PLAYLISTS = re.compile(r"/audio/[^/]+$")  # where media playlists lie, seen from the version
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|/", re.ASCII)
TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=30)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file as it came; `headers` have lower-case names and are empty for a folder."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Get = Callable[[str], Awaitable[Fetched | None]]


@dataclass(frozen=True, slots=True)
class Source:
    """`root` is a folder or an address without its closing slash; `get` reads one file of that kind."""

    root: str
    get: Get

    async def fetch(self, path: str) -> Fetched | None:
        """The file at a plain relative `path`; ``None`` when it is not there. Raises `StoreUnavailable`."""
        return await self.get(f"{self.root}/{plain(path)}")

    async def below(self, path: str) -> Fetched | None:
        """A file that a manifest of others names, which may have blanks, escapes and a query; never one outside of `root`.

        Raises `ManifestError` for an address elsewhere, `StoreUnavailable`.
        """
        bare, _, query = path.partition("?")
        text = unquote(bare)
        outside = _ABSOLUTE.match(path) or posixpath.normpath(text).startswith("..") or "\\" in text
        if outside or not text.isprintable():
            raise ManifestError("it lies elsewhere, and only what is below the manifest is fetched")
        if not self.root.startswith(("http://", "https://")):
            return await self.get(f"{self.root}/{text}")
        return await self.get(f"{self.root}/{bare}{'?' if query else ''}{query}")


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[Source]:
    """The source that `address` names. Raises `ObjectMissing` when no presentation is there, `SettingsError` for no address."""
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise SettingsError(f"{address}: {error}") from None
    if parts.scheme in ("http", "https"):
        path = parts.path.rstrip("/")
        if "." in path.rpartition("/")[2]:  # a file's name; versions, song ids and renditions have no dot
            path = path.rpartition("/")[0]
        root = f"{parts.scheme}://{parts.netloc}{path}"
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            yield await _settled(Source(root, lambda location: get_web(session, location)), address)
    else:
        root = _folder(address.removeprefix("file:"))
        yield await _settled(
            Source(root, lambda location: asyncio.to_thread(read_file, Path(location))), address
        )


async def _settled(source: Source, address: str) -> Source:
    """`source` itself, the version that its ``current.json`` names, or what lies above one of its playlists."""
    if await source.fetch(PRESENTATION) is not None:
        return source
    pointer = await source.fetch(CURRENT)
    if pointer is not None:
        return replace(source, root=f"{source.root}/{_version(pointer.body, address)}")
    above = replace(source, root=_PLAYLISTS.sub("", source.root))
    if above != source and await above.fetch(PRESENTATION) is not None:
        return above
    raise ObjectMissing(f"{address}: neither {PRESENTATION} nor {CURRENT} is there")


def _version(pointer: bytes, address: str) -> str:
    try:
        version = json.loads(pointer)["version"]
    except (ValueError, TypeError, LookupError, RecursionError):
        version = None
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise FormatError(f"{address}: {CURRENT} names no version")
    return version


def _folder(given: str) -> str:
    path = Path(given).absolute()
    return str(path if path.is_dir() else path.parent)


def read_file(path: Path) -> Fetched | None:
    """A file of this machine; ``None`` when there is none. Raises `StoreUnavailable`."""
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > LARGEST:
            raise StoreUnavailable(f"{path}: more than {LARGEST} bytes")
        return Fetched(path.read_bytes())
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror}") from None


async def get_web(session: aiohttp.ClientSession, location: str) -> Fetched | None:
    """What lies at an address; ``None`` when nothing does. Raises `StoreUnavailable`."""
    try:
        # What is elsewhere is not verified: it would be another server's, of that server's choice.
        async with session.get(location, allow_redirects=False) as response:
            if response.status in (404, 410):
                return None
            if 300 <= response.status < 400 and "Location" in response.headers:
                raise StoreUnavailable(
                    f"{location}: status {response.status}, it is at {response.headers['Location']}"
                )
            if response.status != 200:
                raise StoreUnavailable(f"{location}: status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > LARGEST:
                    raise StoreUnavailable(f"{location}: more than {LARGEST} bytes")
            return Fetched(bytes(body), {name.lower(): value for name, value in response.headers.items()})
    except aiohttp.InvalidURL:
        raise StoreUnavailable(f"{location}: not an address") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise StoreUnavailable(f"{location}: {error or type(error).__name__}") from None
