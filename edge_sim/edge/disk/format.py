"""The file of one object: its name, its head, and a checksum for each block of its bytes.

    magic 8 │ CRC-32 of what follows in the head 4 │ bytes of JSON 4 │ bytes of the object 8 │ JSON │ CRC-32 of each block, 4 each │ the object

All numbers are big-endian. Blocks have their own checksums so that a range of a large object can be checked without the rest of it. CRC-32 finds
what disks and crashes do; who can write into the folder could forge anything anyway.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from multidict import CIMultiDict, CIMultiDictProxy

from edge_sim.edge.freshness import freshness
from edge_sim.edge.objects import Head
from media.errors import FormatError

SHARDS = 64  # folders, each of which belongs to one process
BLOCK = 64 * 1024  # bytes under one checksum
_MAGIC = b"tonearm\x01"
_FIXED = struct.Struct(">8sIIQ")
_LONGEST = 64 * 1024  # bytes of JSON
_FIRST_READ = 4096


@dataclass(frozen=True, slots=True)
class Label:
    """The head of a file. `sums` are those of the blocks, `start` is where the object's first byte lies."""

    key: str
    head: Head
    length: int
    sums: bytes
    start: int


def shard_of(key: str) -> int:
    """Which of the `SHARDS` has `key`."""
    return crc32(key.encode()) % SHARDS


def name_of(key: str) -> str:
    """The file's path in the disk's folder."""
    return f"{shard_of(key):02x}/{hashlib.sha256(key.encode()).hexdigest()}"


def describe(key: str, head: Head) -> bytes:
    """The JSON of a head."""
    fields = list(head.headers.items())
    return json.dumps({"key": key, "born_ms": head.born_ms, "headers": fields}).encode()


def start_of(described: bytes, length: int) -> int:
    """Where the first byte of an object of `length` bytes lies in its file."""
    return _FIXED.size + len(described) + 4 * -(-length // BLOCK)


def size_of(key: str, head: Head, length: int) -> int:
    """Of the file, in bytes."""
    return start_of(describe(key, head), length) + length


def pack(described: bytes, length: int, sums: bytes) -> bytes:
    rest = _FIXED.pack(_MAGIC, 0, len(described), length)[12:] + described + sums
    return _MAGIC + crc32(rest).to_bytes(4, "big") + rest


def read_label(descriptor: int) -> Label:
    """The head of an open file, whose size must be what its head says. Raises `FormatError`, `OSError`."""
    data = os.pread(descriptor, _FIRST_READ, 0)
    if len(data) < _FIXED.size:
        raise FormatError("cut short")
    magic, checksum, described, length = _FIXED.unpack_from(data)
    if magic != _MAGIC or described > _LONGEST:
        raise FormatError("not an object of ours")
    table = _FIXED.size + described
    start = table + 4 * -(-length // BLOCK)
    if os.fstat(descriptor).st_size != start + length:
        raise FormatError("cut short, or too long")
    if start > len(data):
        data += os.pread(descriptor, start - len(data), len(data))
    if crc32(data[12:start]) != checksum:
        raise FormatError("its head is damaged")
    try:
        said = json.loads(data[_FIXED.size : table])
        key, born_ms = str(said["key"]), int(said["born_ms"])
        headers = CIMultiDict([(str(name), str(value)) for name, value in said["headers"]])
    except (ValueError, KeyError, TypeError):
        raise FormatError("its head makes no sense") from None
    rules = freshness(headers.get("Cache-Control", ""), headers.get("Vary", ""))
    return Label(key, Head(CIMultiDictProxy(headers), born_ms, rules), length, data[table:start], start)


class Sums:
    """The checksums of blocks, as bytes come."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._sum = 0
        self._room = BLOCK

    def add(self, data: memoryview) -> None:
        for piece in _split(data, self._room):
            self._sum = crc32(piece, self._sum)
            self._room -= len(piece)
            if not self._room:
                self._end()

    def all(self) -> bytes:
        """Of everything that came; nothing may come after."""
        if self._room < BLOCK:
            self._end()
        return bytes(self._done)

    def _end(self) -> None:
        self._done += self._sum.to_bytes(4, "big")
        self._sum, self._room = 0, BLOCK


def sound(blocks: bytes, sums: bytes, first: int) -> bool:
    """Whether `blocks`, of which the first is number `first` of the object, are what they were."""
    return all(
        crc32(blocks[at : at + BLOCK]).to_bytes(4, "big") == sums[4 * number : 4 * number + 4]
        for number, at in enumerate(range(0, len(blocks), BLOCK), first)
    )


def _split(data: memoryview, first: int) -> Iterator[memoryview]:
    yield data[:first]
    for at in range(first, len(data), BLOCK):
        yield data[at : at + BLOCK]
