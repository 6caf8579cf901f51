"""oracleGeneral, libCacheSim's binary format: 24 bytes a request, little-endian, without a header.

    uint32 time in seconds · uint64 object · uint32 size · int64 number of the request that asks for it next, or -1

The last column lets a simulator look into the future, so a trace is written twice: forwards, and then backwards for that column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy

from edge_sim.simulator.requests import BATCH, Ints, Keys, Requests
from media.errors import FormatError

RECORD = numpy.dtype([("time", "<u4"), ("key", "<u8"), ("size", "<u4"), ("next", "<i8")])


def read(path: Path) -> Iterator[Requests]:
    with path.open("rb") as file:
        number = 0
        while block := file.read(BATCH * RECORD.itemsize):
            if len(block) % RECORD.itemsize:
                raise FormatError(
                    f"{path}: record {number + len(block) // RECORD.itemsize}: the file ends in it"
                )
            records = numpy.frombuffer(block, RECORD)
            number += len(records)
            yield Requests.of(records["time"].astype(numpy.int64) * 1000, records["key"], records["size"])


def write(path: Path, requests: Iterable[Requests]) -> None:
    """Times are those of the trace, rounded down to seconds."""
    count = 0
    with path.open("wb") as file:
        for batch in requests:
            records = numpy.empty(len(batch), RECORD)
            records["time"] = batch.times // 1000
            records["key"] = batch.keys
            records["size"] = batch.sizes
            records["next"] = -1
            records.tofile(file)
            count += len(batch)
    if count:
        _look_ahead(numpy.memmap(path, RECORD, "r+", shape=(count,)))


def _look_ahead(records: numpy.memmap[tuple[int], numpy.dtype[numpy.void]]) -> None:
    """Fill in `next`, from the end to the beginning."""
    later: dict[int, int] = {}
    for end in range(len(records), 0, -BATCH):
        start = max(0, end - BATCH)
        keys = numpy.array(records["key"][start:end])
        following, firsts, lasts = _within(keys)
        following[following >= 0] += start
        for place in lasts.tolist():
            following[place] = later.get(int(keys[place]), -1)
        later.update((int(keys[place]), start + place) for place in firsts.tolist())
        records["next"][start:end] = following
    records.flush()


def _within(keys: Keys) -> tuple[Ints, Ints, Ints]:
    """Where each key comes next, -1 for never; where keys come first, and where last."""
    order = numpy.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    following = numpy.full(len(keys), -1, numpy.int64)
    following[order[:-1][same]] = order[1:][same]
    return following, order[numpy.append(True, ~same)], order[numpy.append(~same, True)]
