"""What the edge's fast path serves: objects in memory, with the heads of their answers, to whoever has the token.

The tier puts an object here when it has just answered with the whole of it. The head *is* the one that aiohttp sent, but for ``Age`` and for
what ``Cache-Status`` says of a hit. An object leaves with its place in memory, and counts as a hit there by the same policy; what is
not fresh any more goes the long way.

A listener asks for a song's segments with one token, so tokens that verified are remembered: what they open, from when until when, for which
address. The memory of them ends with the keys that verified them.

A body of more than 32 kB goes out faster from a file in memory (memfd) by ``sendfile`` than out of the process: the kernel lends its pages to the
socket instead of copying them. So what is large and asked for often gets such a copy, on top of the budget, within a sixteenth of it.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from aiohttp import web

from edge_sim.edge.cache_status import CacheStatus
from edge_sim.edge.clock import Clock
from edge_sim.edge.limits import Limits, address_of
from edge_sim.edge.objects import Entry, Whole
from media import layout
from media.access_lines import AccessLines, access_log
from media.errors import TonearmError
from media.fast_path import LARGEST, Quick, fixed
from origin.signing.paths import opens
from origin.tokens import Keyring, TokenKeys, read

_EVERY_TIME = frozenset(
    {
        *("x-request-id", "server-timing", "connection", "age", "cache-status"),
        *("content-length", "transfer-encoding"),  # a miss that streams may not know how long it will be
    }
)
_COPIED = 32 * 1024  # bytes: up to here copying is cheaper than one more call
_OFTEN = 16  # answers after which a large body gets its file: that costs as much as it saves in eight
_TOKENS = 16_384  # remembered; at most 1 kB each, usually 80 bytes
_BEFORE = len(b"/t/")


class Image:
    """A `media.fast_path.Image` of an object in memory. Its head is right from `from_ms` on, before `until_ms`; then comes `turn`."""

    __slots__ = ("_born_ms", "_head", "_stale_ms", "_start", "_view", "asked", "cache", "descriptor", "from_ms", "path", "public", "size", "status", "until_ms")  # fmt: skip

    def __init__(self, path: str, whole: Whole, start: bytes, status: CacheStatus) -> None:
        said = status.hit(whole.headers.get("Cache-Status", ""))
        self.path = path
        self.public = layout.is_public(path)
        self.cache = json.dumps(said, ensure_ascii=False)  # as the access log has it
        self.status = 200
        self.size = len(whole.body)
        self.from_ms = self.until_ms = 0
        self.descriptor = -1
        self.asked = 0
        self._view = memoryview(whole.body)
        self._born_ms = whole.born_ms
        self._stale_ms = whole.born_ms + whole.freshness.lifetime_ms
        self._start = start + f"Cache-Status: {said}\r\n".encode()
        self._head = b""

    def turn(self, now_ms: int) -> bool:
        """Make a head that tells the age; ``False`` when the object is not fresh any more."""
        if now_ms >= self._stale_ms:
            return False
        age = max(0, now_ms - self._born_ms) // 1000
        self.from_ms = self._born_ms + 1000 * age if age else 0
        self.until_ms = min(self._born_ms + 1000 * age + 1000, self._stale_ms)
        self._head = b"%bContent-Length: %d\r\nAge: %d\r\nX-Request-Id: " % (self._start, self.size, age)
        return True

    def part(self, wanted: bytes) -> Part | None:
        first, _, last = wanted[len(b"bytes=") :].partition(b"-")
        start, stop = int(first), min(int(last) + 1, self.size) if last else self.size
        # What is outside is refused, and what is turned round ignored, the long way.
        return Part(self, start, stop) if start < stop else None

    def ready(self) -> bool:
        return True

    def head(self, request_id: bytes, found_s: float, read_s: float) -> bytes:
        return b"%b%b\r\n\r\n" % (self._head, request_id)

    def send(self, out: socket.socket, head: bytes) -> int:
        if self.descriptor < 0:
            return out.sendmsg((head, self._view))
        sent = out.send(head, socket.MSG_MORE)  # with the body's first bytes in one packet
        if sent == len(head):
            with suppress(BlockingIOError):
                sent += os.sendfile(out.fileno(), self.descriptor, 0, self.size)
        return sent

    def rest(self, start: int) -> memoryview:
        return self._view[start:]

    def copy(self) -> None:
        """Put the body into a file without a name. Raises `OSError`."""
        descriptor = os.memfd_create(self.path[-200:])
        try:
            written = 0
            while written < self.size:
                written += os.write(descriptor, self._view[written:])
        except OSError:
            os.close(descriptor)
            raise
        self.descriptor = descriptor

    def drop(self) -> None:
        """Close that file; what of it is still on its way, the kernel keeps."""
        os.close(self.descriptor)
        self.descriptor = -1

    def partial(self, start: int, stop: int) -> tuple[bytes, memoryview]:
        """Fields and bytes of a 206 with ``start <= byte < stop`` (RFC 9110 §15.3.7)."""
        fields = self._start.partition(b"\r\n")[2]
        head = (
            b"HTTP/1.1 206 Partial Content\r\n%bContent-Range: bytes %d-%d/%d\r\nContent-Length: %d\r\n%b"
            % (
                *(fields, start, stop - 1, self.size, stop - start),
                self._head[self._head.rindex(b"Age: ") :],
            )
        )
        return head, self._view[start:stop]


class Part:
    """A range of an `Image`."""

    __slots__ = ("_head", "_view", "size", "status")

    def __init__(self, whole: Image, start: int, stop: int) -> None:
        self._head, self._view = whole.partial(start, stop)
        self.size = stop - start
        self.status = 206

    def part(self, wanted: bytes) -> None:
        """A part has no parts."""

    def ready(self) -> bool:
        return True

    def head(self, request_id: bytes, found_s: float, read_s: float) -> bytes:
        return b"%b%b\r\n\r\n" % (self._head, request_id)

    def send(self, out: socket.socket, head: bytes) -> int:
        return out.sendmsg((head, self._view))

    def rest(self, start: int) -> memoryview:
        return self._view[start:]


class _Opened(NamedTuple):
    """What a token that verified opens. `peer` is the address it verified for, empty when it is for everybody."""

    scope: str
    scopes: tuple[str, ...]
    from_ms: int
    until_ms: int
    peer: str


class MemoryShelf:
    """`held` says what is in memory under a path; `hit` is what the long way does when it answers from there, given the path and the bytes sent.

    `budget` is the memory's. With `behind_proxy` the peer is not the listener, so a token that is for one address goes the long way. `everything` is
    open without a token to a shield's edges.
    """

    def __init__(
        self,
        keys: Keyring,
        held: Callable[[str], Entry | None],
        hit: Callable[[str, int], None],
        *,
        budget: int,
        clock: Clock,
        status: CacheStatus,
        heard: Callable[[str, Quick], None] | None = None,
        behind_proxy: bool = False,
        everything: bool = False,
    ) -> None:
        self.resting = False
        self._keys = keys
        self._ring: TokenKeys | None = None
        self._held = held
        self._hit = hit
        self._clock = clock
        self._status = status
        self._heard = heard
        self._behind_proxy = behind_proxy
        self._everything = everything
        self._images: dict[bytes, Image] = {}
        self._tokens: dict[bytes, _Opened] = {}
        self._files = _Files(budget // 16)
        self._lines = AccessLines()
        self._id_prefix, self._id = secrets.token_hex(4).encode(), 0

    def __len__(self) -> int:
        return len(self._images)

    def find(self, target: bytes, peer: Any) -> Image | None:
        slash = target.find(b"/", _BEFORE) if target.startswith(b"/t/") else 0
        image = self._images.get(target[slash + 1 :])
        if image is None:
            return None
        now_ms = self._clock()
        if not image.from_ms <= now_ms < image.until_ms and not image.turn(now_ms):
            return None
        if not slash:
            return image if image.public or self._everything else None
        # What `origin.tokens.verify` would say; that the path is plain is known of what is in memory.
        ring, token = self._keys.current(), target[_BEFORE:slash]
        if ring is not self._ring:
            self._ring = ring
            self._tokens.clear()
        opened = self._tokens.get(token)
        if opened is None or (opened.peer and opened.peer != peer[0]):
            opened = self._read(token, ring, now_ms, peer[0] if peer else "")
            if opened is None:
                return None  # the long way says why
        if not opened.from_ms <= now_ms < opened.until_ms:
            return None
        if opened.scopes:
            return image if any(opens(each, image.path) for each in opened.scopes) else None
        return image if image.path.startswith(opened.scope) else None

    def request_id(self) -> bytes:
        self._id = (self._id + 1) & 0xFFFFFFFF
        return b"%b%08x" % (self._id_prefix, self._id)

    def sent(self, quick: Quick) -> None:
        image: Image = quick.image
        self._hit(image.path, quick.size)
        if self._heard is not None:
            self._heard(image.path, quick)
        if image.size > _COPIED and image.descriptor < 0:
            image.asked += 1
            if image.asked >= _OFTEN:
                self._files.give(image)
        if access_log.isEnabledFor(logging.INFO):
            path = f"/t/…/{image.path}" if quick.target.startswith(b"/t/") else f"/{image.path}"
            self._lines.add(quick, path, cache=image.cache)

    async def learn(
        self, request: web.Request, response: web.StreamResponse, path: str, whole: Whole
    ) -> None:
        """Take in what `response` answers `request` with, now or just before: the whole of `whole`, if it is fit for the short way."""
        key = path.encode()
        if (
            request.method == "GET"
            and response.status == 200
            and len(whole.body) <= LARGEST
            and "Date" in whole.headers  # or aiohttp would say another one each time
            and whole.fresh(self._clock())
            and key not in self._images
        ):
            await response.prepare(request)
            if self._held(path) is whole:
                self._images[key] = Image(path, whole, fixed(response, _EVERY_TIME), self._status)

    def forget(self, path: str) -> None:
        """`path` has left the memory, or something else comes in its place."""
        image = self._images.pop(path.encode(), None)
        if image is not None:
            self._files.take(image)

    def close(self) -> None:
        self._lines.close()
        while self._images:
            self._files.take(self._images.popitem()[1])

    def _read(self, token: bytes, ring: TokenKeys, now_ms: int, peer: str) -> _Opened | None:
        try:
            claims = read(token.decode("latin-1"), keys=ring, now_ms=now_ms, client=peer)
        except TonearmError:
            return None
        if claims.client and self._behind_proxy:
            return None
        if len(self._tokens) >= _TOKENS:
            del self._tokens[next(iter(self._tokens))]
        opened = _Opened(
            claims.scope,
            claims.scopes,
            claims.not_before_ms,
            claims.expires_ms,
            peer if claims.client else "",
        )
        self._tokens[token] = opened
        return opened


class LimitedShelf(MemoryShelf):
    """A shelf that counts who asks, and sends those who ask for too much the long way, which tells them."""

    def __init__(self, limits: Limits, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._limits = limits

    def find(self, target: bytes, peer: Any) -> Image | None:
        return super().find(target, peer) if self._limits.allows(peer) else None

    def sent(self, quick: Quick) -> None:
        self._limits.count(address_of(quick.peer))
        super().sent(quick)


class _Files:
    """Which images have their bodies in a file, too: `budget` bytes of them, the oldest go first."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 8
        self._used = 0
        self._have: dict[str, Image] = {}

    def give(self, image: Image) -> None:
        image.asked = 0  # without a file, or when it has lost it again, it must earn one anew
        if image.size > self._budget:
            return
        while self._have and (self._used + image.size > self._budget or len(self._have) >= self._most):
            self.take(next(iter(self._have.values())))
        with suppress(OSError):  # no descriptor to spare: it goes on as before
            image.copy()
            self._have[image.path] = image
            self._used += image.size

    def take(self, image: Image) -> None:
        if self._have.pop(image.path, None) is not None:
            self._used -= image.size
            image.drop()
