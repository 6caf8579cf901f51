"""A folder as an object store: every key is a file, every write is all or nothing.

    store = open_file_store("file:/srv/music")

The bytes go to a temporary file in the same folder, are synchronised to the disk, and get their name in one step:
``rename`` replaces; ``link`` creates, and fails when the name is taken, which is what `if_absent` means, between
processes too. A new folder of many files gets its name in one step as well, when all of it is on the disk. `if_match` compares and replaces in one step, which no file system offers; so whatever replaces
or removes a file takes an advisory lock on one file of the store for that moment.

An ETag is the SHA-256 of the content. It is remembered by inode, modification time and size, but only when that time
is two seconds old: a younger file may change again within one tick of the file system's clock.

Links, temporary files and whatever has no valid key are not objects: neither listed nor served. A key that is a
folder of other keys cannot be an object too, as it could in S3: `BadKey`.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from media import layout
from media.errors import BadKey, ObjectMissing, PreconditionFailed, SettingsError, StoreUnavailable
from media.ports import ObjectInfo
from origin.stores.folders import opened_file, opened_folder, temporary_file, temporary_folder
from origin.stores.keys import RESERVED, check_key, check_prefix
from origin.stores.threads import acquire

CHUNK = 256 * 1024  # one hop to a worker thread brings a whole segment
_REMEMBERED = 65_536  # ETags, about 16 MB
_RACY_NS = 2_000_000_000
_NOT_HERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EISDIR})

# A folder with something in it, a file, or a link is there already.
_TAKEN = frozenset({errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.ELOOP})

T = TypeVar("T")


def open_file_store(url: str) -> FileStore:
    """``file:/absolute``, ``file:///absolute`` or ``file:relative``; the first `put` makes the folder."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment or not parts.path:
        raise SettingsError(f"store {url!r}: expected file:PATH")
    root = Path(os.fsdecode(unquote_to_bytes(parts.path))).absolute()
    nearest = next(path for path in (root, *root.parents) if os.path.lexists(path))
    if not nearest.is_dir():  # said now, before anyone encodes a thousand songs for it
        raise SettingsError(f"store {url!r}: {nearest} is no folder")
    return FileStore(root)


class FileStore:
    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._etags: dict[tuple[int, int, int], str] = {}

    @property
    def root(self) -> Path:
        """The folder, for who reads files past the store."""
        return self._root

    def __repr__(self) -> str:
        return f"FileStore({str(self._root)!r})"

    async def head(self, key: str) -> ObjectInfo:
        return await asyncio.to_thread(self._head, check_key(key))

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        check_key(key)
        descriptor, chunk = await acquire(
            None, lambda: self._begin(key, start, stop), lambda begun: os.close(begun[0])
        )
        try:
            while chunk:
                yield chunk
                start += len(chunk)
                chunk = await asyncio.to_thread(os.pread, descriptor, _length(start, stop), start)
        finally:
            os.close(descriptor)

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
        """A folder keeps no headers: `head` answers with those of `media.layout`, whatever is given here."""
        return await asyncio.to_thread(self._put, check_key(key), body, if_absent, if_match)

    async def create_folder(self, prefix: str, bodies: Mapping[str, bytes]) -> bool:
        """All files are written below a temporary folder, which then gets its name in one step (`media.ports.FolderStore`)."""
        for path in bodies:
            check_key(prefix + path)
        return await asyncio.to_thread(self._create_folder, prefix, bodies)

    async def list(self, prefix: str, *, named: str = "") -> AsyncIterator[ObjectInfo]:
        folder, _, start = check_prefix(prefix).rpartition("/")
        walk = self._walk(tuple(folder.split("/")) if folder else (), start, named)
        while batch := await asyncio.to_thread(lambda: [*islice(walk, 256)]):
            for info in batch:
                yield info

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, check_key(key))

    async def close(self) -> None:
        """Nothing is held open."""

    # Everything below runs in worker threads.

    def _head(self, key: str) -> ObjectInfo:
        *parents, name = key.split("/")
        with self._named(key), opened_folder(self._root, parents) as folder:
            return self._head_in(folder, name, key)

    def _head_in(self, folder: int, name: str, key: str) -> ObjectInfo:
        with self._named(key), opened_file(folder, name) as descriptor:
            found = os.fstat(descriptor)
            return _info(key, found, self._etag(descriptor, found))

    def _etag(self, descriptor: int, found: os.stat_result) -> str:
        identity = _identity(found)
        etag = self._etags.get(identity)
        if etag is None:
            with open(os.dup(descriptor), "rb") as file:
                etag = f'"{hashlib.file_digest(file, "sha256").hexdigest()}"'
            if time.time_ns() - found.st_mtime_ns > _RACY_NS:
                if len(self._etags) >= _REMEMBERED:
                    self._etags.clear()
                self._etags[identity] = etag
        return etag

    def _begin(self, key: str, start: int, stop: int | None) -> tuple[int, bytes]:
        """A descriptor and the first chunk, in one hop."""
        *parents, name = key.split("/")
        with (
            self._named(key),
            opened_folder(self._root, parents) as folder,
            opened_file(folder, name) as descriptor,
        ):
            chunk = os.pread(descriptor, _length(start, stop), start)
            return os.dup(descriptor), chunk

    def _put(self, key: str, body: bytes, if_absent: bool, if_match: str | None) -> ObjectInfo:
        return self._again(key, lambda: self._write(key, body, if_absent, if_match))

    def _create_folder(self, prefix: str, bodies: Mapping[str, bytes]) -> bool:
        *parents, name = prefix.removesuffix("/").split("/")

        def create() -> bool:
            try:
                with opened_folder(self._root, parents, create=True) as parent:
                    if _is_there(name, parent):
                        return False
                    with temporary_folder(parent, bodies) as temporary:
                        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
                        os.fsync(parent)
                    return True
            except OSError as error:
                if error.errno in _TAKEN:
                    return False
                raise

        return self._again(prefix, create)

    def _again(self, key: str, write: Callable[[], T]) -> T:
        with self._named(key):
            for _ in range(100):
                # Another's delete may take a folder away between our making it and our writing into it.
                with suppress(FileNotFoundError):
                    return write()
        raise StoreUnavailable(f"{self._root}: {key}: its folder vanishes again and again")

    def _write(self, key: str, body: bytes, if_absent: bool, if_match: str | None) -> ObjectInfo:
        *parents, name = key.split("/")
        try:
            with (
                opened_folder(self._root, parents, create=True) as folder,
                temporary_file(folder, body) as temporary,
            ):
                made = os.stat(temporary, dir_fd=folder, follow_symlinks=False)
                if if_absent:
                    try:
                        os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
                    except FileExistsError:
                        raise PreconditionFailed(f"{key}: there already") from None
                else:
                    with self._lock():
                        if if_match is not None:
                            self._require(key, if_match)
                        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
                os.fsync(folder)
                return _info(key, made, f'"{hashlib.sha256(body).hexdigest()}"')
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EISDIR):
                raise BadKey(f"{key}: a folder, or below an object or a link") from None
            raise

    def _require(self, key: str, etag: str) -> None:
        try:
            found = self._head(key).etag
        except ObjectMissing:
            raise PreconditionFailed(f"{key}: not there, expected {etag}") from None
        if found != etag:
            raise PreconditionFailed(f"{key}: is {found}, expected {etag}")

    def _delete(self, key: str) -> None:
        *parents, name = key.split("/")
        with suppress(ObjectMissing), self._named(key):
            with opened_folder(self._root, parents) as folder, self._lock():
                os.unlink(name, dir_fd=folder)
            # Folders exist for the sake of objects: empty ones go, the first that is not empty ends it.
            with suppress(OSError):
                for depth in range(len(parents), 0, -1):
                    with opened_folder(self._root, parents[: depth - 1]) as folder:
                        os.rmdir(parents[depth - 1], dir_fd=folder)

    def _walk(self, parts: tuple[str, ...], start: str, named: str) -> Iterator[ObjectInfo]:
        """Objects in the order of their keys: a folder sorts as its name with the slash that follows."""
        with suppress(ObjectMissing), self._named("/".join(parts)):
            with opened_folder(self._root, parts) as folder, os.scandir(folder) as entries:
                found = dict(sorted(self._look(folder, parts, start, named, entries)))
            for name, info in found.items():
                if info is None:
                    yield from self._walk((*parts, name[:-1]), "", named)
                else:
                    yield info

    def _look(
        self, folder: int, parts: tuple[str, ...], start: str, named: str, entries: Iterable[os.DirEntry[str]]
    ) -> Iterator[tuple[str, ObjectInfo | None]]:
        """The objects of one folder by name, and its folders as ``name/`` and ``None``."""
        for entry in entries:
            if not entry.name.startswith(start):
                continue
            key = "/".join((*parts, entry.name))
            # What vanishes meanwhile was not there, and what no key can name is not an object.
            with suppress(ObjectMissing, BadKey, FileNotFoundError):
                check_key(key)
                if entry.is_dir(follow_symlinks=False):
                    yield f"{entry.name}/", None
                elif entry.is_file(follow_symlinks=False) and named in ("", entry.name):
                    status = entry.stat(follow_symlinks=False)
                    etag = self._etags.get(_identity(status))
                    known = None if etag is None else _info(key, status, etag)
                    yield entry.name, known or self._head_in(folder, entry.name, key)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        path = self._root / f"{RESERVED}lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _named(self, key: str) -> Iterator[None]:
        """The operating system's errors as ours."""
        try:
            yield
        except OSError as error:
            if error.errno in _NOT_HERE or isinstance(error, FileNotFoundError):
                raise ObjectMissing(f"{key}: no such object") from None
            raise StoreUnavailable(f"{self._root}: {key}: {error.strerror}") from None


def _is_there(name: str, folder: int) -> bool:
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_mtime_ns, found.st_size


def _info(key: str, found: os.stat_result, etag: str) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size=found.st_size,
        etag=etag,
        media_type=layout.media_type(key),
        cache_control=layout.cache_control(key),
        modified_ms=found.st_mtime_ns // 1_000_000,
    )


def _length(start: int, stop: int | None) -> int:
    return CHUNK if stop is None else max(0, min(CHUNK, stop - start))
