"""Samples of unequal length, end to end in one buffer: the index arithmetic that the ciphers share.

A cipher works on 16-byte blocks, an access unit has any size. Every function here answers for all samples at once,
so that no cipher needs a Python loop over 13,000 access units.
"""

from __future__ import annotations

import numpy
import numpy.typing as npt

from media.access_units import Sizes

BLOCK = 16  # bytes of an AES block, FIPS 197 §3.1

BLOCK_TYPE = numpy.dtype((numpy.void, BLOCK))  # moved about as one item

Bytes = npt.NDArray[numpy.uint8]
# (n, 2): an AES block as two words, so that XOR is two operations, not sixteen
Blocks = npt.NDArray[numpy.uint64]
Mask = npt.NDArray[numpy.bool_]


def check(data: bytes | memoryview, sizes: Sizes, key: bytes) -> Bytes:
    """`data` as an array, once `sizes` (n,) is known to cover it exactly and `key` to be an AES-128 key: `ValueError`."""
    if len(key) != BLOCK:
        raise ValueError(f"an AES-128 key has 16 bytes, this one {len(key)}")
    array = numpy.frombuffer(data, dtype=numpy.uint8)
    if sizes.ndim != 1 or (len(sizes) and int(sizes.min()) < 0) or int(sizes.sum()) != len(array):
        raise ValueError(f"sizes add up to {int(sizes.sum())} bytes, data holds {len(array)}")
    return array


def starts(counts: Sizes) -> Sizes:
    """Where each of the runs of the given lengths starts when they lie end to end: (n,)."""
    return numpy.cumsum(counts) - counts


def blocks_anywhere(data: Bytes) -> npt.NDArray[numpy.void]:
    """The block that starts at each byte of `data`, (n,): samples do not begin where a block could be aligned."""
    return numpy.ndarray((max(0, len(data) - BLOCK + 1),), dtype=BLOCK_TYPE, buffer=data, strides=(1,))


def as_blocks(data: bytes | npt.NDArray[numpy.void]) -> Blocks:
    return numpy.frombuffer(data, dtype=numpy.uint64).reshape(-1, 2)


def all_but(first: Sizes, counts: Sizes, length: int) -> Mask:
    """A mask (length,) that is false exactly at ``first[i] … first[i]+counts[i]-1`` for every i."""
    mask = numpy.ones(length, dtype=numpy.bool_)
    within = numpy.arange(int(counts.sum())) - numpy.repeat(starts(counts), counts)
    mask[numpy.repeat(first, counts) + within] = False
    return mask
