"""Publishing: a version becomes visible by one last write, or leaves no trace.

    await publish(store, song_id="abc", version="0123456789abcdef", objects=package.objects())

Everything under ``songs/{song_id}/{version}/`` is immutable and named by what went into it, so it is created, never
replaced: in one step where the store can do that, else segments and the like at once, then the manifests that name them, then
``presentation.json``. What is there already with the same bytes was left by an earlier try and is fine; with other bytes it is an
error. Only when all of it is there does the pointer ``songs/{song_id}/current.json`` move, by compare-and-set against what it
was at the beginning. A reader who starts from the pointer therefore sees all of a version or none of it.

When anything fails, the pointer stays as it was and what this call created is deleted. Two calls for one song in this process
take turns. Two processes that publish the same version at once may each lean on what the other created; a claim settles which
of them may still take it back (`origin.claims`).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from weakref import WeakKeyDictionary, WeakValueDictionary

from media import layout
from media.errors import ObjectMissing, PreconditionFailed, StoreError, StoreUnavailable
from media.ports import FolderStore, ObjectStore, read_all
from media.song import check_song_id
from origin.bulk import each
from origin.claims import Changed, Claim

_turns: WeakKeyDictionary[ObjectStore, WeakValueDictionary[str, asyncio.Lock]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Pointer:
    """``current.json``: which version of a song is the published one. `published_ms` is Unix time."""

    song_id: str
    version: str
    published_ms: int

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Pointer:
        """Raises `ValueError` for anything that `to_json` would not write."""
        document = json.loads(text)
        if not isinstance(document, dict) or set(document) != {"song_id", "version", "published_ms"}:
            raise ValueError("not song_id, version and published_ms")
        pointer = cls(**document)
        if not isinstance(pointer.published_ms, int) or not layout.VERSION.fullmatch(str(pointer.version)):
            raise ValueError("no version, or no time")
        return pointer


def unix_ms() -> int:
    return time.time_ns() // 1_000_000


async def current(store: ObjectStore, song_id: str) -> Pointer | None:
    """What the song's pointer says; ``None`` when nothing of it was ever published. Raises `StoreError`."""
    key = layout.pointer(check_song_id(song_id))
    try:
        text = await read_all(store, key)
    except ObjectMissing:
        return None
    try:
        return Pointer.from_json(text)
    except ValueError as error:
        raise StoreUnavailable(f"{key}: not a pointer: {error}") from None


async def publish(
    store: ObjectStore,
    *,
    song_id: str,
    version: str,
    objects: Iterable[tuple[str, bytes]],
    clock: Callable[[], int] = unix_ms,
) -> None:
    """Put `objects`, whose paths are relative to the version's folder, and point the song at them.

    Raises `StoreError`: `PreconditionFailed` when other bytes are there under this version, or when another version was
    published meanwhile. Does nothing that a second call would have to repeat.
    """
    if not layout.VERSION.fullmatch(version):
        raise StoreError(f"{song_id}: version {version!r}: expected 16 hexadecimal digits")
    async with _turn(store, check_song_id(song_id)):
        publication = _Publication(store, song_id, version, clock)
        try:
            before = await publication.look()
            await publication.claim()
            await publication.create_all(objects)
            await publication.hold()
            await publication.point(before)
        except BaseException:
            await publication.undo()
            raise


def _turn(store: ObjectStore, song_id: str) -> asyncio.Lock:
    locks = _turns.setdefault(store, WeakValueDictionary())
    lock = locks.get(song_id)
    if lock is None:
        lock = locks[song_id] = asyncio.Lock()
    return lock


class _Publication:
    """One call of `publish`, and what it has to take back when it fails."""

    def __init__(self, store: ObjectStore, song_id: str, version: str, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._claim: Claim | None = None
        self._song_id = song_id
        self._version = version
        self._folder = layout.folder(song_id, version)
        self._sizes: dict[str, int] = {}
        self._created: list[str] = []
        self._in_one_step = False

    async def look(self) -> str | None:
        """The pointer's ETag before anything is written, ``None`` when there is no pointer yet."""
        try:
            return (await self._store.head(layout.pointer(self._song_id))).etag
        except ObjectMissing:
            return None

    async def claim(self) -> None:
        self._claim = await Claim.take(self._store, self._song_id, self._version, self._clock)

    async def create_all(self, objects: Iterable[tuple[str, bytes]]) -> None:
        if isinstance(self._store, FolderStore):
            objects = list(objects)
            if await self._create_folder(self._store, objects):
                return
        manifests: list[tuple[str, bytes]] = []
        presentation: list[tuple[str, bytes]] = []

        def others() -> Iterable[tuple[str, bytes]]:
            for path, body in objects:
                if path == layout.PRESENTATION:
                    presentation.append((path, body))
                elif path.endswith((".m3u8", ".mpd")):
                    manifests.append((path, body))
                else:
                    yield path, body

        await each(others(), self._create)
        await each(manifests, self._create)
        if not presentation:
            raise StoreError(f"{self._folder}: nothing to publish without {layout.PRESENTATION}")
        await each(presentation, self._create)

    async def _create_folder(self, store: FolderStore, objects: Sequence[tuple[str, bytes]]) -> bool:
        """All of it in one step, where nothing of the version is there yet. What is wrong with `objects` shows one by one."""
        bodies = dict(objects)
        if len(bodies) < len(objects) or layout.PRESENTATION not in bodies:
            return False

        async def create(bodies: dict[str, bytes]) -> None:
            if await store.create_folder(self._folder, bodies):
                self._sizes = {self._folder + path: len(body) for path, body in bodies.items()}
                self._created = list(self._sizes)
                self._in_one_step = True

        await each([bodies], create)
        return self._in_one_step

    async def hold(self) -> None:
        """All objects are there, and nobody takes them back any more."""
        # What was created in one step is there while nobody else has the claim; looking would read all of it again.
        known = self._in_one_step
        for _ in range(8):
            assert self._claim is not None
            if not known:
                await self._require_all()
            known = False
            try:
                return await self._claim.hold()
            except Changed:
                await self.claim()
        raise PreconditionFailed(f"{self._folder}: too many publish this version at once; try again")

    async def point(self, before: str | None) -> None:
        if not await self._is_current():
            await self._move(before)
        with suppress(StoreError):  # it is published; a claim that stays is in nobody's way
            assert self._claim is not None
            await self._claim.drop()

    async def _move(self, before: str | None) -> None:
        key = layout.pointer(self._song_id)
        try:
            await self._store.put(
                key,
                Pointer(self._song_id, self._version, self._clock()).to_json(),
                media_type=layout.media_type(key),
                cache_control=layout.cache_control(key),
                if_absent=before is None,
                if_match=before,
            )
        except PreconditionFailed:
            # A store's client may have repeated a write of ours that had succeeded, or another published the same.
            if await self._is_current():
                return
            raise PreconditionFailed(f"{key}: another version was published meanwhile") from None

    async def undo(self) -> None:
        """Delete what this call created. When the store fails here too, what stays is invisible, and no error of its own."""
        with suppress(StoreError):
            if self._claim is None:
                return
            if not await self._is_current():
                if not await self._claim.give_up():
                    return  # another publisher has it, and may rely on what we created
                # The latest first: presentation.json goes before what it describes.
                for key in reversed(self._created):
                    await self._store.delete(key)
            await self._claim.drop()

    async def _is_current(self) -> bool:
        pointer = await current(self._store, self._song_id)
        return pointer is not None and pointer.version == self._version

    async def _create(self, item: tuple[str, bytes]) -> None:
        path, body = item
        key = self._folder + path
        if key in self._sizes:
            raise StoreError(f"{key}: given twice")
        self._sizes[key] = len(body)
        try:
            await self._store.put(
                key,
                body,
                media_type=layout.media_type(key),
                cache_control=layout.cache_control(key),
                if_absent=True,
            )
        except PreconditionFailed:
            if await read_all(self._store, key) != body:
                raise PreconditionFailed(f"{key}: there already, with other bytes") from None
        else:
            self._created.append(key)

    async def _require_all(self) -> None:
        there = {info.key: info.size async for info in self._store.list(self._folder)}
        lost = [key for key, size in self._sizes.items() if there.get(key) != size]
        if lost:
            raise StoreError(f"{lost[0]}: vanished while the version was being published")
