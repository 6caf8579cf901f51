"""The disk tier: finds, keeps and forgets objects without ever making the event loop wait, or an answer fail.

Reading is done by a few threads. Everything that changes names (a new file gets its own, an old one goes) is done by one thread, in the order in which it was
asked for, so that folder and index agree. What a disk refuses is counted, logged once for each kind of trouble, and the object is served without it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from edge_sim.edge.disk.files import Complete, Growing, renew, write
from edge_sim.edge.disk.folder import NEW, Found, Locks, scan
from edge_sim.edge.disk.format import SHARDS, name_of, shard_of, size_of
from edge_sim.edge.disk.index import Index
from edge_sim.edge.objects import Head, Whole
from edge_sim.edge.streaming import Spoilt, pieces
from edge_sim.policies import Policy
from media.errors import FormatError
from media.serving import error_log

_READERS = 4  # threads
_PENDING = 32 << 20  # bytes of whole objects that may wait to be written; what comes then is not
_RENEWED_MS = (
    60_000  # a file whose object is found unchanged again and again is written anew at most this often
)
_BATCH = 500  # files taken into the index before others have their turn

P = ParamSpec("P")
T = TypeVar("T")
Count = Callable[[str], None]


class Stored:
    """A complete object on the disk, opened. A `Source`."""

    def __init__(self, disk: Disk, file: Complete, head: Head) -> None:
        self.head = head
        self.length = file.label.length
        self.file = file
        self._disk = disk

    @property
    def came(self) -> int:
        return self.length

    async def read(self, start: int, stop: int) -> bytes:
        """Raises `Spoilt`."""
        return await self._disk.read(self.file.read, start, stop)

    async def all(self) -> Whole:
        """The whole of it, for memory. Raises `Spoilt`."""
        body = b"".join([piece async for piece in pieces(self, 0, self.length)])
        return Whole(self.head.headers, self.head.born_ms, self.head.freshness, body)

    def under(self, head: Head) -> Stored:
        """The same bytes with a new head."""
        return Stored(self._disk, self.file, head)


class Disk:
    """Objects under `folder`, of which this process owns `shards` and that share of `budget` bytes.

    `count` hears what befalls files: ``kept``, ``evicted``, ``rotten`` (what was there was not an object any more), ``skipped`` (the disk is too
    slow, or the object too large), ``failed``. Raises `SettingsError` when the folder is another edge's, or none.
    """

    def __init__(
        self,
        folder: Path,
        budget: int,
        new_policy: Callable[[int], Policy[str]],
        *,
        shards: Collection[int] = range(SHARDS),
        count: Count,
    ) -> None:
        self._folder = folder
        self._shards = frozenset(shards)
        self._count = count
        share = budget * len(self._shards) // SHARDS
        self.index = Index(share, new_policy(share))
        self._locks = Locks(folder, sorted(self._shards))
        self._own = f"{NEW}{secrets.token_hex(4)}-"
        self._written = 0
        self._pending = 0
        self._landing: dict[str, object] = {}  # files that have been told to take their name
        self._gone: set[str] | None = set()  # keys that left before all of the folder was read; then None
        self._gone_below: tuple[str, ...] = ()  # and all that begins so
        self._closing = False
        self._logged: set[int | None] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._readers: ThreadPoolExecutor
        self._hand: ThreadPoolExecutor

    def open(self) -> None:
        """Begin to read what is there from before; it can be found meanwhile."""
        self._readers = ThreadPoolExecutor(_READERS, "disk-read")
        self._hand = ThreadPoolExecutor(1, "disk-write")
        self._do(self._recover())

    async def close(self) -> None:
        """What was to be written is; then the folder is free for others. What lies there unread from before is left for the next."""
        self._closing = True
        await self.settled()
        for threads in (self._hand, self._readers):
            await asyncio.to_thread(threads.shutdown)
        self._locks.release()

    async def settled(self) -> None:
        """All that was to be written, removed and read from before is."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        await self._in_order(int)

    async def find(self, key: str) -> Stored | None:
        """The object of `key`, if it is there and its head is sound."""
        known = key in self.index
        if not known and (shard_of(key) not in self._shards or self._has_left(key)):
            return None
        try:
            file = await self.read(Complete, self._folder, key)
        except FileNotFoundError:
            self.index.remove(key)
            return None
        except FormatError as error:
            self.rotten(key, str(error))
            return None
        except OSError as error:
            self._trouble(error)
            return None
        self.index.hit(key)
        return Stored(self, file, file.label.head)

    def keep(self, key: str, whole: Whole, *, again: bool = False) -> None:
        """Write an object that is in memory, some time soon; one that is there `again` as it was, now and then only."""
        if again and 0 <= whole.born_ms - self.index.born_ms(key) < _RENEWED_MS:
            return
        if shard_of(key) not in self._shards:
            return
        size = size_of(key, whole, len(whole.body))
        if self._pending + size > _PENDING or not self._promise(key, size):
            self._count("skipped")
            return
        self._pending += size
        self._do(self._keep(key, whole, size))

    async def begin(self, key: str, head: Head, length: int) -> Growing | None:
        """A file to write an object of `length` bytes to as it comes; ``None`` when it cannot be kept. `commit` or `abandon` it."""
        if shard_of(key) not in self._shards:
            return None
        size = size_of(key, head, length)
        if size > self.index.budget // 4 or not self._promise(key, size):
            self._count("skipped")
            return None
        try:
            return await self._in_order(Growing, self._folder, key, head, length, self._name())
        except OSError as error:
            self.index.release(size)
            self._trouble(error)
            return None

    async def append(self, growing: Growing, data: bytes) -> None:
        """Raises `Spoilt`."""
        try:
            await self.read(growing.append, data)
        except OSError as error:
            self._trouble(error)
            raise Spoilt(str(error)) from None

    async def commit(self, growing: Growing) -> bool:
        """All of it has come: whether it is kept."""
        return await self._commit(growing.key, growing.size, growing.head.born_ms, growing.commit)

    def abandon(self, growing: Growing) -> None:
        self.index.release(growing.size)
        self._hand.submit(growing.abandon)

    def renew(self, stored: Stored, head: Head) -> None:
        """The object of `stored` is as it was, and has a new head."""
        key = stored.file.label.key
        size = size_of(key, head, stored.length)
        if head.born_ms - self.index.born_ms(key) >= _RENEWED_MS and self._promise(key, size):
            self._do(self._renew(key, head, size))

    def forget(self, key: str) -> None:
        """The object of `key` must not be found any more; no error when it is not there."""
        if shard_of(key) in self._shards and (
            key in self.index or key in self._landing or self._gone is not None
        ):
            self.index.remove(key)
            self._landing.pop(key, None)
            self._unlink(key)

    def forget_below(self, prefixes: tuple[str, ...]) -> set[str]:
        """Forget all whose key begins with one of `prefixes`; which of them were known."""
        if self._gone is not None:
            self._gone_below += prefixes
        found = {key for key in self.index if key.startswith(prefixes)}
        for key in found:
            self.forget(key)
        return found

    def rotten(self, key: str, reason: str) -> None:
        """What lies there under `key` is no object: it goes."""
        error_log.error("disk: %s: %s: removed", key, reason)
        self._count("rotten")
        self.forget(key)

    async def _keep(self, key: str, whole: Whole, size: int) -> None:
        name = self._name()
        await self._commit(
            key, size, whole.born_ms, lambda: write(self._folder, key, whole, whole.body, name)
        )
        self._pending -= size

    async def _renew(self, key: str, head: Head, size: int) -> None:
        name = self._name()
        await self._commit(key, size, head.born_ms, lambda: renew(self._folder, key, head, name))

    async def _commit(self, key: str, size: int, born_ms: int, work: Callable[[], None]) -> bool:
        """Do `work`, after which the file of `key` is there, unless it was forgotten meanwhile."""
        token = self._landing[key] = object()
        try:
            await self._in_order(work)
        except OSError as error:
            self._trouble(error)
        except (FormatError, Spoilt) as error:  # only of what was there before
            self.rotten(key, str(error))
        else:
            if self._landing.get(key) is token:
                self.index.add(key, size, born_ms)
                self._count("kept")
                return True
            if key not in self._landing:
                self._unlink(key)
        finally:
            self.index.release(size)
            if self._landing.get(key) is token:
                del self._landing[key]
        return False

    async def _recover(self) -> None:
        found: list[Found] = []
        for shard in sorted(self._shards):
            if self._may_stop():
                return
            try:
                there, removed = await self.read(scan, self._folder, shard, self._own)
            except OSError as error:
                self._trouble(error)
                continue
            found += there
            for _ in range(removed):
                self._count("rotten")
        found.sort(
            key=lambda each: each.written_ns
        )  # as if they had come again in the order in which they came
        for number, each in enumerate(found):
            if number % _BATCH == 0:
                await asyncio.sleep(0)
                if self._may_stop():
                    return
            if each.key in self.index or each.key in self._landing:
                continue
            if self._has_left(each.key):
                self._unlink(each.key)
            elif self._promise(each.key, each.size):
                self.index.release(each.size)
                self.index.add(each.key, each.size, each.born_ms)
            else:
                self._unlink(each.key)
        self._gone, self._gone_below = None, ()

    def _may_stop(self) -> bool:
        """Whether the rest of the folder need not be read: not while a purge of whole folders has yet to find its files."""
        return self._closing and not self._gone_below

    def _promise(self, key: str, size: int) -> bool:
        kept, leaving = self.index.promise(key, size)
        for each in leaving:
            self._count("evicted")
            self._unlink(each)
        return kept

    def _has_left(self, key: str) -> bool:
        """Whether a key that the index has not got cannot be on the disk either."""
        return self._gone is None or key in self._gone or key.startswith(self._gone_below)

    def _unlink(self, key: str) -> None:
        """Its name goes, after everything that was to be done before, and before everything that comes."""
        if self._gone is not None:
            self._gone.add(key)
        loop = asyncio.get_running_loop()
        path = self._folder / name_of(key)

        def remove() -> None:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                loop.call_soon_threadsafe(self._trouble, error)

        self._hand.submit(remove)

    def _name(self) -> str:
        self._written += 1
        return f"{self._own}{self._written}"

    def _trouble(self, error: OSError) -> None:
        self._count("failed")
        if error.errno not in self._logged:
            self._logged.add(error.errno)
            reason = os.strerror(error.errno) if error.errno else str(error)
            full = " (its budget is more than there is)" if error.errno == errno.ENOSPC else ""
            error_log.error("disk: %s: %s%s; said once", self._folder, reason, full)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            error_log.error("disk: %s", self._folder, exc_info=error)

    async def read(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Do `work`, which changes no names, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: work(*given, **named))

    async def _in_order(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hand, lambda: work(*given, **named))
