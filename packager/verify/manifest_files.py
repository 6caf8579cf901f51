"""Where the manifests of a presentation lie that has no presentation.json."""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from media.errors import ObjectMissing
from media.layout import CURRENT, PRESENTATION
from packager.verify.source import TIMEOUT, Source, get_web, read_file

MANIFESTS = (".m3u8", ".mpd")
LARGEST_MANIFEST = 1 << 20  # bytes


@asynccontextmanager
async def opened_manifests(addresses: Sequence[str]) -> AsyncIterator[tuple[Source, list[str]]]:
    """The source below which manifests lie that have no presentation.json beside them, and their names there.

    Given are one or two manifests, or a folder that holds some. Raises `ObjectMissing` when there is none.
    """
    if addresses[0].startswith(("http://", "https://")):
        parts = [urlsplit(address) for address in addresses]
        if any(not part.path.endswith(MANIFESTS) or part[:2] != parts[0][:2] for part in parts):
            raise ObjectMissing(
                f"{addresses[0]}: neither a presentation nor one or two manifests of one host"
            )
        folder = posixpath.commonpath([posixpath.dirname(part.path) for part in parts]).rstrip("/")
        root = f"{parts[0].scheme}://{parts[0].netloc}{folder}"
        names = [part.path[len(folder) + 1 :] + (f"?{part.query}" if part.query else "") for part in parts]
        async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
            yield Source(root, lambda location: get_web(session, location)), names
        return
    paths = await asyncio.to_thread(_found, addresses)
    if not paths:
        raise ObjectMissing(f"{addresses[0]}: neither {PRESENTATION} nor {CURRENT} nor a manifest is there")
    common = Path(os.path.commonpath([path.parent for path in paths]))
    names = [path.relative_to(common).as_posix() for path in paths]
    yield Source(str(common), lambda location: asyncio.to_thread(read_file, Path(location))), names


def _found(addresses: Sequence[str]) -> list[Path]:
    """The manifests that are given, or those of the folder that is; with one alone, the other kind's beside it."""
    paths = [Path(address.removeprefix("file:")).absolute() for address in addresses]
    if paths[0].is_dir():
        return _manifests_in(paths[0])
    paths = [path for path in paths if path.name.endswith(MANIFESTS) and path.is_file()]
    return paths + _beside(paths[0]) if len(paths) == 1 else paths


def _manifests_in(folder: Path) -> list[Path]:
    """The multivariant playlist and the MPD of a folder; the first by name of each."""
    playlists = [
        path
        for path in sorted(folder.glob("*.m3u8"))
        if b"#EXT-X-STREAM-INF" in path.read_bytes()[:LARGEST_MANIFEST]
    ]
    return playlists[:1] + sorted(folder.glob("*.mpd"))[:1]


def _beside(manifest: Path) -> list[Path]:
    """The manifest of the other kind that lies beside one."""
    return [path for path in _manifests_in(manifest.parent) if path.suffix != manifest.suffix]
