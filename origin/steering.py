"""Content steering: which CDN a player is to prefer now (RFC 8216bis §7, and ETSI TS 103 998 for DASH, which is the same document).

    ttl = 300                             # steering.toml; players ask again after so many seconds
    priority = ["cdn-a", "cdn-b"]         # pathway ids as the manifests name them

The file is read again when it has changed. One that makes no sense stops the start of a server; a running one keeps what it knew and says so in its log.
"""

from __future__ import annotations

import asyncio
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from media.errors import ObjectMissing, SettingsError
from media.serving import error_log

_PATHWAY = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)  # §4.4.6.2: letters, digits, ".", "-" and "_"
_LONGEST_TTL = 86_400


@dataclass(frozen=True, slots=True)
class Steering:
    ttl: int
    priority: tuple[str, ...]


def load(path: Path) -> Steering:
    """Raises `SettingsError`."""
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from None
    if unknown := document.keys() - {"ttl", "priority"}:
        raise SettingsError(f"{path}: {min(unknown)!r}; there are ttl and priority")
    ttl, priority = document.get("ttl", 300), document.get("priority")
    if type(ttl) is not int or not 1 <= ttl <= _LONGEST_TTL:
        raise SettingsError(f"{path}: ttl {ttl!r}: a whole number of seconds, 1 to {_LONGEST_TTL}")
    good = (
        isinstance(priority, list)
        and 0 < len(priority) <= 64
        and len(set(map(str, priority))) == len(priority)
    )
    if not good or not all(isinstance(each, str) and _PATHWAY.fullmatch(each) for each in priority or ()):
        raise SettingsError(
            f"{path}: priority: pathway ids of letters, digits, . _ -, each once, the best first"
        )
    return Steering(ttl, tuple(priority or ()))


class Steerer:
    """Answers ``/steering/…``; with no file there is nothing to steer by."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._steering = load(path) if path else None
        self._seen = _stamp(path) if path else None

    async def answer(self, request: web.Request) -> web.Response:
        if self._path is None or self._steering is None:
            raise ObjectMissing("/steering: this server has no steering file")
        stamp = await asyncio.to_thread(_stamp, self._path)
        if stamp != self._seen:
            self._seen = stamp
            try:
                self._steering = await asyncio.to_thread(load, self._path)
            except SettingsError as error:
                error_log.error("steering stays as it was: %s", error)
        document: dict[str, object] = {
            "VERSION": 1,
            "TTL": self._steering.ttl,
            "RELOAD-URI": request.path,  # without the query: the player adds its own anew each time
            "PATHWAY-PRIORITY": self._steering.priority,
        }
        return web.json_response(document, headers={"Cache-Control": "no-cache"})


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
