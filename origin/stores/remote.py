"""What S3 and MinIO share: a prefix before every key, proof that conditions hold, and store URLs that name a bucket.

**Conditional writes.** S3 knows ``If-None-Match: *`` and ``If-Match`` on PUT since 2024, and servers that do not know them yet
ignore them: they overwrite and answer 200. So before its first conditional write a store tries both on an object of its
own, and where the answers are not 412 it refuses with `StoreUnavailable`, rather than claim an atomicity that is not there.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Protocol
from urllib.parse import SplitResult, parse_qs, urlsplit

from media import layout
from media.errors import BadKey, ObjectMissing, PreconditionFailed, SettingsError, StoreUnavailable
from media.ports import ObjectInfo
from origin.stores.keys import RESERVED, check_key, check_prefix

CHUNK = 256 * 1024
CONNECTIONS = 16


class Client(Protocol):
    """One bucket. `name` is the key with the store's prefix before it.

    All raise the tree of `StoreError`; the infos carry the name as their key.
    """

    async def head(self, name: str) -> ObjectInfo: ...

    def get(self, name: str, start: int, stop: int | None) -> AsyncIterator[bytes]:
        """In chunks; nothing when the range begins behind the end."""

    async def put(
        self, name: str, body: bytes, media_type: str, cache_control: str, condition: dict[str, str]
    ) -> ObjectInfo:
        """`condition` is empty, or one of the headers ``If-None-Match`` and ``If-Match``."""

    def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """In the server's order. Listings of S3 carry no headers: the infos have those of `media.layout`."""

    async def delete(self, name: str) -> None: ...
    async def close(self) -> None: ...


class RemoteStore:
    def __init__(self, client: Client, prefix: str, label: str) -> None:
        self._client = client
        self._prefix = f"{prefix}/" if prefix else ""
        self._label = label
        self._proving = asyncio.Lock()
        self._proven = False

    def __repr__(self) -> str:
        return f"RemoteStore({self._label!r})"

    async def head(self, key: str) -> ObjectInfo:
        return self._local(await self._client.head(self._name(key)))

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if stop is not None and stop <= start:  # HTTP cannot ask for nothing (RFC 9110 §14.1.2)
            await self.head(key)
            return
        async with aclosing(self._client.get(self._name(key), start, stop)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield chunk

    async def put(
        self,
        key: str,
        body: bytes,
        *,
        media_type: str,
        cache_control: str,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        name = self._name(key)
        condition: dict[str, str] = {}
        if if_absent:
            condition = {"If-None-Match": "*"}
        elif if_match is not None:
            condition = {"If-Match": if_match}
        if condition and not self._proven:
            async with self._proving:
                if not self._proven:
                    await self._prove()
                    self._proven = True
        return self._local(await self._client.put(name, body, media_type, cache_control, condition))

    async def list(self, prefix: str, *, named: str = "") -> AsyncIterator[ObjectInfo]:
        async for info in self._client.list(self._prefix + check_prefix(prefix)):
            local = self._local(info)
            if named and local.key.rpartition("/")[2] != named:
                continue
            try:
                check_key(local.key)
            except BadKey:
                continue  # a folder marker of some browser, or another's object
            yield local

    async def delete(self, key: str) -> None:
        await self._client.delete(self._name(key))

    async def close(self) -> None:
        await self._client.close()

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _local(self, info: ObjectInfo) -> ObjectInfo:
        return replace(info, key=info.key[len(self._prefix) :])

    async def _prove(self) -> None:
        name = f"{self._prefix}{RESERVED}{secrets.token_hex(8)}"

        async def put(condition: dict[str, str]) -> None:
            await self._client.put(name, b"", "application/octet-stream", layout.MUTABLE, condition)

        try:
            await put({})
            for header, value in (("If-None-Match", "*"), ("If-Match", '"0123456789abcdef0123456789abcdef"')):
                with suppress(PreconditionFailed):
                    await put({header: value})
                    raise StoreUnavailable(
                        f"{self._label}: the server ignores {header} on PUT, so nothing can be published safely"
                    )
        finally:
            await self._client.delete(name)


def parse_bucket_url(url: str, known: frozenset[str]) -> tuple[SplitResult, dict[str, str]]:
    """The parts and the query of a store URL. Raises `SettingsError`: unknown or repeated parameters, credentials."""
    parts = urlsplit(url)
    if "@" in parts.netloc:
        raise SettingsError(
            "store URL: credentials do not belong into it; the environment or a profile holds them"
        )
    query = parse_qs(parts.query, keep_blank_values=True)
    for name, values in query.items():
        if name not in known or len(values) > 1:
            raise SettingsError(
                f"store {url!r}: parameter {name!r}; there are {', '.join(sorted(known))}, once each"
            )
    return parts, {name: values[0] for name, values in query.items()}


def parse_prefix(url: str, path: str) -> str:
    """The prefix of keys that a URL's path names, without slashes around it."""
    prefix = path.strip("/")
    try:
        return check_key(prefix) if prefix else ""
    except BadKey as error:
        raise SettingsError(f"store {url!r}: {error}") from None


def parse_flag(url: str, name: str, value: str) -> bool:
    if value not in ("0", "1"):
        raise SettingsError(f"store {url!r}: {name} is 0 or 1")
    return value == "1"


def missing(name: str) -> ObjectMissing:
    return ObjectMissing(f"{name}: no such object")
