"""How often a key was asked for, in a few counters a key: a counting Bloom filter.

L. Fan, P. Cao, J. Almeida, A. Z. Broder, "Summary Cache: A Scalable Wide-Area Web Cache Sharing Protocol", IEEE/ACM
Transactions on Networking 8(3), 2000. A key has ten places in one row of counters; adding it raises all ten, and the
lowest of them says how often that was, or more where others share all ten. Places come from two hashes (A. Kirsch,
M. Mitzenmacher, "Less Hashing, Same Performance", ESA 2006).
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from math import ceil, log
from typing import Generic, TypeVar

import numpy

K = TypeVar("K", bound=Hashable)
_ERROR = 0.001  # how often a key that was never seen seems to be there, when as many as expected are
_PER_KEY = -log(_ERROR) / log(2) ** 2
_PLACES = ceil(_PER_KEY * log(2))
_KNOWN = 1 << 15  # keys whose places are remembered at least: 18 MB
_SEEDS = (0x12345678, 0x12344321)  # those of libCacheSim, so that the same keys share counters there and here
_64, _32 = (1 << 64) - 1, (1 << 32) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


class Sketch(Generic[K]):
    """Counters for about `keys` different keys. Keys are told apart by Python's `hash`, which for a string has another seed in
    each process: nobody outside can choose keys that share their counters."""

    def __init__(self, keys: int) -> None:
        self._counters = array("I", bytes(4 * max(2 * _PLACES, ceil(_PER_KEY * keys))))
        self._known: dict[K, list[int]] = {}  # places found lately: hashing takes most of the time
        self._most = max(keys, _KNOWN)

    def add(self, key: K) -> None:
        counters = self._counters
        for place in self._places(key):
            counters[place] += 1

    def count(self, key: K) -> int:
        return min(map(self._counters.__getitem__, self._places(key)))

    def halve(self) -> None:
        """Let the past count half."""
        numpy.frombuffer(self._counters, numpy.uint32)[:] >>= 1

    def _places(self, key: K) -> list[int]:
        places = self._known.get(key)
        if places is None:
            number = hash(key) & _64
            first, step = xxh64(number, _SEEDS[0]) & _32, xxh64(number, _SEEDS[1]) & _32
            size = len(self._counters)
            places = [((first + turn * step) & _32) % size for turn in range(_PLACES)]
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[key] = places
        return places


def xxh64(number: int, seed: int) -> int:
    """XXH64 (the xxHash specification, version 0.1.1) of the eight bytes of `number`, little-endian.

    >>> f"{xxh64(0, 0):016x}"
    '34c96acdcadb1bbb'
    """
    lane = number * _P2 & _64
    lane = (lane << 31 | lane >> 33) * _P1 & _64
    value = (seed + _P5 + 8 & _64) ^ lane
    value = ((value << 27 | value >> 37) * _P1 + _P4) & _64
    value = (value ^ value >> 33) * _P2 & _64
    value = (value ^ value >> 29) * _P3 & _64
    return value ^ value >> 32
