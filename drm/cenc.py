"""The ``cenc`` scheme: AES-128 in counter mode over whole samples, ISO/IEC 23001-7:2016 §10.1.

Each sample has its own 8-byte IV; the counter block is that IV followed by a 64-bit block counter that starts at
zero with the sample (§9.1, §9.3). Audio is encrypted in full, without subsamples, and no padding is added: the last
block's spare keystream is thrown away (§9.4.2).

Counter blocks do not depend on the data, so the whole buffer has one keystream: build all counter blocks, encrypt
them in one ECB call, XOR them with the data's blocks where these lie. A sample's last block reaches into the next sample, or
behind the end, and what it spoils there is written again right after it: blocks are written in their order.

    >>> protected, ivs = encrypt(units.data, units.sizes, key=key, first_iv=ivs.first_iv(kid, name, contents))

Two samples under one key must never share an IV: see `drm.ivs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy
import numpy.typing as npt
from Crypto.Cipher import AES

from drm.ragged import BLOCK, BLOCK_TYPE, Bytes, as_blocks, blocks_anywhere, check, starts
from media.access_units import Sizes

if TYPE_CHECKING:
    from Crypto.Cipher._mode_ecb import EcbMode

IV_SIZE = 8  # bytes; what ``tenc`` declares as default_Per_Sample_IV_Size

_AT_ONCE = 2048  # samples, a megabyte or so: what is worked on stays in the processor's cache

Ivs = npt.NDArray[numpy.uint64]


def encrypt(data: bytes | memoryview, sizes: Sizes, *, key: bytes, first_iv: int) -> tuple[bytes, bytes]:
    """Encrypt samples that lie end to end; sample i has the IV ``first_iv + i``.

    `sizes` (n,) are bytes. Returns the protected samples, as long as `data`, and their IVs, 8 big-endian bytes each
    as ``senc`` stores them. `ValueError` where an argument does not fit.
    """
    if not 0 <= first_iv <= (1 << 64) - len(sizes):
        raise ValueError("the IVs of these samples do not fit into 64 bits")
    ivs = numpy.uint64(first_iv) + numpy.arange(len(sizes), dtype=numpy.uint64)
    return _apply(data, sizes, key, ivs), ivs.astype(">u8").tobytes()


def decrypt(data: bytes | memoryview, sizes: Sizes, *, key: bytes, ivs: bytes | memoryview) -> bytes:
    """The inverse; `ivs` are 8 bytes for each sample."""
    if len(ivs) != IV_SIZE * len(sizes):
        raise ValueError(
            f"{len(sizes)} samples need {IV_SIZE * len(sizes)} bytes of IVs, there are {len(ivs)}"
        )
    return _apply(data, sizes, key, numpy.frombuffer(ivs, dtype=">u8").astype(numpy.uint64))


def _apply(data: bytes | memoryview, sizes: Sizes, key: bytes, ivs: Ivs) -> bytes:
    plain = check(data, sizes, key)
    if not len(plain):
        return b""
    output = numpy.append(plain, numpy.zeros(BLOCK, dtype=numpy.uint8))
    ecb, places = AES.new(key, AES.MODE_ECB), starts(sizes)
    for first in range(0, len(sizes), _AT_ONCE):
        several = slice(first, first + _AT_ONCE)
        end = int(places[several][-1] + sizes[several][-1])
        behind = output[end : end + BLOCK].copy()
        _mix(output, places[several], sizes[several], ivs[several], ecb)
        output[end : end + BLOCK] = behind
    return output[:-BLOCK].tobytes()


def _mix(output: Bytes, places: Sizes, sizes: Sizes, ivs: Ivs, ecb: EcbMode) -> None:
    """XOR samples with their keystream; up to fifteen bytes behind the last one are spoiled."""
    counts = -(-sizes // BLOCK)
    numbers = numpy.arange(int(counts.sum())) - numpy.repeat(
        starts(counts), counts
    )  # of a block in its sample
    stream = numpy.empty((len(numbers), 2), dtype=">u8")
    stream[:, 0] = numpy.repeat(ivs, counts)
    stream[:, 1] = numbers
    if len(numbers):
        ecb.encrypt(stream.data.cast("B"), output=stream.data.cast("B"))
        where, blocks = numpy.repeat(places, counts) + numbers * BLOCK, blocks_anywhere(output)
        mixed = as_blocks(blocks[where]) ^ stream.view(numpy.uint64)
        blocks[where] = mixed.view(BLOCK_TYPE).reshape(-1)
