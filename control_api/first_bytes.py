"""The first bytes of songs: header and first segment of a rendition, read from the store and kept in memory.

They are immutable and a few kB each, so the most recent `memory` bytes of them are kept. A store that is slow, or gone,
holds nobody: who asks waits as long as it likes, the reading goes on, and the next one finds it done.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict

from control_api.songs import Entry, Opening
from media.errors import StoreError
from media.ports import ObjectStore

log = logging.getLogger("tonearm.api")

Parts = tuple[bytes, bytes]  # header, first segment
Name = tuple[str, str]  # folder, rendition
_READINGS = 64  # at a time; a store that is behind gets no more to do
_PATIENCE_S = 10.0


class FirstBytes:
    """`memory` in bytes."""

    def __init__(self, store: ObjectStore, *, memory: int) -> None:
        self.store = store
        self.memory = memory
        self._size = 0
        self._kept: OrderedDict[Name, Parts] = OrderedDict()
        self._readings: dict[Name, asyncio.Task[Parts | None]] = {}

    def begin(self, entry: Entry, opening: Opening) -> asyncio.Future[Parts | None]:
        """What will be there in a moment, or is; None when it cannot be read now. It never raises, and is read to its end."""
        name = entry.folder, opening.name
        kept = self._kept.get(name)
        reading = self._readings.get(name)
        if kept is not None:
            self._kept.move_to_end(name)
        elif reading is None and len(self._readings) < _READINGS:
            reading = asyncio.create_task(self._read(name, opening))
            self._readings[name] = reading
        if reading is not None:
            return reading
        answered: asyncio.Future[Parts | None] = asyncio.get_running_loop().create_future()
        answered.set_result(kept)
        return answered

    async def close(self) -> None:
        readings = list(self._readings.values())
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)

    async def _read(self, name: Name, opening: Opening) -> Parts | None:
        folder = name[0]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                header, segment = await asyncio.gather(
                    self._part(folder + opening.init, 0, opening.init_size),
                    self._part(folder + opening.segment, opening.offset, opening.size),
                )
        except (StoreError, TimeoutError) as error:
            log.info("%s%s: no first bytes: %s", folder, opening.segment, error or "the store is slow")
            return None
        finally:
            del self._readings[name]
        self._keep(name, (header, segment))
        return header, segment

    async def _part(self, key: str, start: int, size: int) -> bytes:
        found = b"".join([chunk async for chunk in self.store.read(key, start, start + size)])
        if len(found) != size:
            raise StoreError(f"{key}: {len(found)} bytes from byte {start} on, {size} expected")
        return found

    def _keep(self, name: Name, parts: Parts) -> None:
        self._kept[name] = parts
        self._size += sum(map(len, parts))
        while self._size > self.memory:
            _, gone = self._kept.popitem(last=False)
            self._size -= sum(map(len, gone))
