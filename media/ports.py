"""The ports: what a backend must be able to do, in at most six methods each.

A backend is opened by URL through `media.registry`; one contract suite in ``tests/contracts`` runs over every
backend of a port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable


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


@runtime_checkable
class FolderStore(Protocol):
    """What an `ObjectStore` may be able to do besides: many new objects in one step, for less than a step for each."""

    async def create_folder(self, prefix: str, bodies: Mapping[str, bytes]) -> bool:
        """Create ``prefix + path`` for every path of `bodies`, all or nothing; `prefix` ends in ``/``.

        False, and nothing done, when something is there already: then `put` says of each object what is the matter.
        """


async def read_all(store: ObjectStore, key: str) -> bytes:
    """The whole of a small object (a manifest, a descriptor)."""
    return b"".join([chunk async for chunk in store.read(key)])


@dataclass(frozen=True, slots=True)
class Terms:
    """What a signature says: which paths it opens, until when, for whom.

    A scope is a path relative to the server's root, ``songs/…``, or one whose last part ``*`` means all below it. Times
    are Unix ms; `not_before_ms` 0 is always, an empty `user` or `client` anybody. `client` is an IP address.
    """

    scopes: tuple[str, ...]
    expires_ms: int
    not_before_ms: int = 0
    user: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature adds to every address: `prefix` before the path (``t/…/``), `query` behind it; or `cookies` instead."""

    prefix: str = ""
    query: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request as it came: `path` without its first ``/`` and `query` without its ``?``, neither of them decoded."""

    path: str
    query: str = ""
    cookies: Mapping[str, str] = field(default_factory=dict)
    client: str = ""


class UrlSigner(Protocol):
    """One way of signing addresses. A signature covers a whole presentation, so players sign nothing themselves."""

    def sign(self, terms: Terms) -> Signed:
        """Raises `SettingsError` for terms that this kind of signature cannot say."""

    def knows(self, request: SignedRequest) -> bool:
        """Whether the request carries a signature of this kind, good or bad."""

    def verify(self, request: SignedRequest, *, now_ms: int) -> Terms:
        """What a genuine signature says that opens this request now. Raises the tree of `TokenError`."""

    def carried(self, request: SignedRequest) -> str:
        """The part of the request's query that is the signature, for the addresses in a manifest; empty when none is."""
