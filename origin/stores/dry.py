"""A store that only takes notes: what would be written to the one behind it, and nothing is.

    store = DryRun(open_store("s3://music"))
    …
    for note in store.notes: print(note.key, note.size, note.cache_control)

It reads what is there and believes its own notes, so a publisher meets the same conditions as in earnest.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator

from media.errors import ObjectMissing, PreconditionFailed
from media.ports import ObjectInfo, ObjectStore
from origin.stores.keys import check_key


class DryRun:
    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._noted: dict[str, ObjectInfo] = {}

    @property
    def notes(self) -> list[ObjectInfo]:
        """What would have been written, in that order."""
        return list(self._noted.values())

    async def head(self, key: str) -> ObjectInfo:
        return self._noted.get(key) or await self._store.head(key)

    def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        return self._store.read(key, start, stop)

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
        try:
            there = await self.head(check_key(key))
        except ObjectMissing:
            there = None
        if (if_absent and there) or (if_match is not None and (there is None or there.etag != if_match)):
            raise PreconditionFailed(f"{key}: not as expected by the writer")
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        info = ObjectInfo(key, len(body), etag, media_type, cache_control, time.time_ns() // 1_000_000)
        self._noted[key] = info
        return info

    async def list(self, prefix: str, *, named: str = "") -> AsyncIterator[ObjectInfo]:
        for info in self.notes:
            if info.key.startswith(prefix) and named in ("", info.key.rpartition("/")[2]):
                yield info
        async for info in self._store.list(prefix, named=named):
            if info.key not in self._noted:
                yield info

    async def delete(self, key: str) -> None:
        self._noted.pop(key, None)

    async def close(self) -> None:
        await self._store.close()
