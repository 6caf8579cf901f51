"""What the origin's fast path serves: open files of a store that is a folder, with the heads of their answers.

The long way puts an object here when it has just sent it whole: an immutable one, no larger than `LARGEST`, under the very target of the
request. Its head is the answer that aiohttp sent, so both ways say the same. A name is looked up again once a second; when it does not lead to
the same file any more (inode, size, time), the entry goes and the long way decides. Bytes come from the open file, never from a name.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import resource
import secrets
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from media.access_lines import AccessLines
from media.errors import StoreError
from media.fast_path import LARGEST, Quick, date, fixed
from media.layout import IMMUTABLE
from media.ports import ObjectInfo, ObjectStore
from origin import cmcd
from origin.metrics import Metrics
from origin.stores.file import FileStore
from origin.stores.folders import opened_file, opened_folder
from origin.stores.threads import acquire

_TARGET = re.compile(r"/songs/[A-Za-z0-9_./-]{1,900}", re.ASCII)
_LOOK_AGAIN_S = 1.0
_EVERY_TIME = frozenset(
    {"date", "x-request-id", "server-timing", "connection", "cmsd-dynamic", "cache-status"}
)
_Identity = tuple[int, int, int, int]
_COPIED = 32 * 1024  # bytes: up to here two copies are cheaper than one more call
# From the page cache or not at all.
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)


def folder_of(store: ObjectStore) -> Path | None:
    """The folder whose files are the store's objects, for the one kind of store that has such."""
    return store.root if isinstance(store, FileStore) else None


class _File:
    """An `Image` over a descriptor: a small body is copied, a larger one the kernel takes from the page cache itself."""

    __slots__ = ("_flags", "_head", "_view", "descriptor", "identity", "looked", "path", "size", "status")

    def __init__(
        self, path: Path, descriptor: int, head: bytes, size: int, buffer: memoryview, looked: float
    ) -> None:
        self.path = path
        self.descriptor = descriptor
        self._head = head
        self.size = size
        self.status = 200
        self.identity = identity(os.fstat(descriptor))
        self.looked = looked
        # The whole of a small body; of a larger one its last byte, for a file that is being read in has its end last.
        self._view = buffer[: size if size <= _COPIED else 1]
        self._flags = _NOWAIT

    def ready(self) -> bool:
        try:
            start = self.size - len(self._view)
            return os.preadv(self.descriptor, (self._view,), start, self._flags) == len(self._view)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:
                return False  # a thread shall wait for the disk
            self._flags = 0  # a file system that cannot say what it has in memory: tmpfs, overlayfs
            return self.ready()

    def part(self, wanted: bytes) -> None:
        """Ranges are the long way's: players that ask for them reach an edge first, which has the whole."""

    def head(self, request_id: bytes, found_s: float, read_s: float) -> bytes:
        return b"%b%bX-Request-Id: %b\r\nServer-Timing: find;dur=%.2f, read;dur=%.2f\r\n\r\n" % (
            self._head,
            date.field(),
            request_id,
            found_s * 1000,
            read_s * 1000,
        )

    def send(self, out: socket.socket, head: bytes) -> int:
        if self.size <= _COPIED:
            return out.sendmsg((head, self._view))
        sent = out.send(head, socket.MSG_MORE)  # with the body's first bytes in one packet
        if sent == len(head):
            with suppress(BlockingIOError):
                sent += os.sendfile(out.fileno(), self.descriptor, 0, self.size)
        return sent

    def rest(self, start: int) -> bytes:
        return os.pread(self.descriptor, self.size - start, start)


class FileShelf:
    """`clock` in seconds, monotonic; `most` open files, by default a quarter of what the process may have."""

    def __init__(
        self, root: Path, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic, most: int = 0
    ) -> None:
        self.resting = False
        self._root = root
        self._metrics = metrics
        self._clock = clock
        self._most = most or max(16, min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4))
        self._files: dict[bytes, _File] = {}
        # One for all: a body is sent, or copied, before the next one is read.
        self._buffer = memoryview(bytearray(_COPIED))
        self._lines = AccessLines()
        self._learning: dict[bytes, asyncio.Task[None]] = {}
        self._closed = False
        self._id_prefix, self._id = secrets.token_hex(4).encode(), 0

    def __len__(self) -> int:
        return len(self._files)

    def find(self, target: bytes, peer: object) -> _File | None:
        file = self._files.pop(target, None)
        if file is None:
            return None
        now = self._clock()
        if now - file.looked > _LOOK_AGAIN_S:
            try:
                same = identity(os.stat(file.path, follow_symlinks=False)) == file.identity
            except OSError:
                same = False
            if not same:
                os.close(file.descriptor)
                return None
            file.looked = now
        self._files[target] = file  # the last one used stands last
        return file

    def request_id(self) -> bytes:
        self._id = (self._id + 1) & 0xFFFFFFFF
        return b"%b%08x" % (self._id_prefix, self._id)

    def sent(self, quick: Quick) -> None:
        path = quick.target.decode()
        self._metrics.count(path, quick.status, quick.seconds, quick.size)
        self._metrics.add("quick")
        said = cmcd.read(quick.asked.cmcd.decode()) if quick.asked.cmcd else {}
        self._metrics.heard(said)
        self._lines.add(quick, path, cmcd=said)

    def learn(
        self, request: web.Request, response: web.StreamResponse, store: ObjectStore, info: ObjectInfo
    ) -> None:
        """Take in, in the background, what was just sent whole, if it is fit for the short way."""
        target = request.raw_path
        key = target.encode()
        if (
            info.cache_control == IMMUTABLE
            and info.size <= LARGEST
            and target == f"/{info.key}"
            and _TARGET.fullmatch(target)
            and key not in self._files
            and key not in self._learning
        ):
            self._learning[key] = task = asyncio.create_task(self._take_in(key, _head(response), store, info))
            task.add_done_callback(lambda _: self._learning.pop(key, None))

    async def _take_in(self, key: bytes, head: bytes, store: ObjectStore, info: ObjectInfo) -> None:
        path = self._root.joinpath(info.key)
        try:
            descriptor = await acquire(None, lambda: self._open(info.key), os.close)
        except OSError:
            return
        try:
            # The file that is open must be the one that was described: name and description still fit it.
            found = await store.head(info.key)
            same = found.etag == info.etag and found.size == info.size
            same = same and identity(await asyncio.to_thread(os.lstat, path)) == identity(
                os.fstat(descriptor)
            )
        except (OSError, StoreError):
            same = False
        except asyncio.CancelledError:
            os.close(descriptor)
            raise
        if not same or self._closed:
            os.close(descriptor)
            return
        self._files[key] = _File(path, descriptor, head, info.size, self._buffer, self._clock())
        while len(self._files) > self._most:
            os.close(self._files.pop(next(iter(self._files))).descriptor)

    def close(self) -> None:
        self._closed = True
        for task in self._learning.values():
            task.cancel()
        self._lines.close()
        while self._files:
            os.close(self._files.popitem()[1].descriptor)

    def _open(self, key: str) -> int:
        *parents, name = key.split("/")
        with opened_folder(self._root, parents) as folder, opened_file(folder, name) as descriptor:
            return os.dup(descriptor)


def identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _head(response: web.StreamResponse) -> bytes:
    return fixed(response, _EVERY_TIME) + f"CMSD-Dynamic: {cmcd.dynamic(0)}\r\n".encode()
