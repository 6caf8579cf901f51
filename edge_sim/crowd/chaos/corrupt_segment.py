"""Bytes of one song's first segments are flipped in the store, and every cache forgets the song, so that all listeners get them.

At the end the store is repaired, and an operator purges the song once more: what is named by its content's version is kept for a year, flipped or not.
"""

from __future__ import annotations

from pathlib import Path

import numpy

from edge_sim.crowd.chaos.stage import Stage


class CorruptSegment:
    what = "bytes of one song's first segments are flipped in the store; repaired and purged at the end"

    def __init__(self) -> None:
        self._good: dict[Path, bytes] = {}
        self._song = ""

    async def begin(self, stage: Stage) -> None:
        version = min(stage.store.glob("songs/*/*/presentation.json")).parent
        self._song = version.parent.name
        for path in version.glob("audio/*/00001.m4s"):
            self._good[path] = path.read_bytes()
            path.write_bytes(flipped(self._good[path]))
        await stage.purge(self._song)

    async def end(self, stage: Stage) -> None:
        for path, body in self._good.items():
            path.write_bytes(body)
        await stage.purge(self._song)


def flipped(body: bytes) -> bytes:
    """The second half with all bits turned over: whatever is in it, no decoder takes it for music.

    >>> flipped(b"ab")
    b'a\\x9d'
    """
    bytes_ = numpy.frombuffer(body, numpy.uint8).copy()
    bytes_[len(bytes_) // 2 :] ^= 0xFF
    return bytes_.tobytes()
