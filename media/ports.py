"""The ports: what a backend must be able to do, in at most six methods each.

A backend is opened by URL through `media.registry`; one contract suite in ``tests/contracts`` runs over every
backend of a port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One stored object. `etag` is strong and carries its quotes (RFC 9110 §8.8.3); `modified_ms` is Unix time."""

    key: str
    size: int
    etag: str
    media_type: str
    cache_control: str
    modified_ms: int


class ObjectStore(Protocol):
    """Object storage. Keys are ``/``-separated, relative, without empty, ``.`` or ``..`` parts (`BadKey`)."""

    async def head(self, key: str) -> ObjectInfo:
        """Raises `ObjectMissing`."""

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``start … stop-1`` in chunks; never holds a whole large object. Raises `ObjectMissing` on first use."""

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
        """Write all or nothing. `if_absent` and `if_match` (an ETag) make it conditional: `PreconditionFailed`."""

    def list(self, prefix: str, *, named: str = "") -> AsyncIterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, once each. The order is the store's: SeaweedFS's is not Amazon's.

        `named` keeps those whose last part it is (``current.json``), and saves a folder the look at all others.
        """

    async def delete(self, key: str) -> None:
        """Deleting what is not there is no error."""

    async def close(self) -> None: ...


async def read_all(store: ObjectStore, key: str) -> bytes:
    """The whole of a small object (a manifest, a descriptor)."""
    return b"".join([chunk async for chunk in store.read(key)])
