"""The ``cbcs`` scheme for audio: AES-128 in CBC mode with a constant IV, ISO/IEC 23001-7:2016 §10.4.

Tracks that are not video have no crypt:skip pattern (0:0 in ``tenc``): every whole 16-byte block of a sample is encrypted
and the last partial block stays in the clear (§9.7, whole-block full-sample encryption). The chain starts again from the
constant IV with every sample (§9.2, §9.5.1).

Within one sample, CBC encryption is a chain and cannot be split. Across samples nothing depends on anything, so the
loop runs over block positions, not samples: one ECB call encrypts block 0 of every sample, the next block 1 of every
sample that has one, and so on: about 90 calls instead of 13,000 cipher objects. Decryption has no chain at all: one
ECB call over everything, then XOR with the ciphertext one block before.
"""

from __future__ import annotations

import numpy
from Crypto.Cipher import AES

from drm.ragged import BLOCK, BLOCK_TYPE, Blocks, Mask, all_but, as_blocks, blocks_anywhere, check, starts
from media.access_units import Sizes


def encrypt(data: bytes | memoryview, sizes: Sizes, *, key: bytes, iv: bytes) -> bytes:
    """Encrypt samples that lie end to end. `sizes` (n,) are bytes, `iv` is the 16-byte constant IV of ``tenc``.

    Returns as many bytes as `data` has. `ValueError` where an argument does not fit.
    """
    output = check(data, sizes, key).copy()
    blocks = blocks_anywhere(output)
    counts = sizes // BLOCK
    # Samples in order of falling length: those that still have a block at a position are the first so many.
    order = numpy.argsort(-counts, kind="stable")
    places = starts(sizes)[order]
    remaining = len(sizes) - numpy.cumsum(
        numpy.bincount(counts)
    )  # samples with more than j blocks, for each j
    ecb = AES.new(key, AES.MODE_ECB)
    chain = numpy.tile(_initial(iv), (len(sizes), 1))
    for count in remaining[:-1].tolist():
        places, chain = places[:count], chain[:count]
        chain ^= as_blocks(blocks[places])
        ecb.encrypt(chain.data.cast("B"), output=chain.data.cast("B"))
        blocks[places] = chain.view(BLOCK_TYPE).reshape(-1)
        places += BLOCK
    return output.tobytes()


def decrypt(data: bytes | memoryview, sizes: Sizes, *, key: bytes, iv: bytes) -> bytes:
    """The inverse of `encrypt`, with the same arguments."""
    output = check(data, sizes, key).copy()
    counts = sizes // BLOCK
    whole = _whole_blocks(sizes)
    protected = output[whole].tobytes()
    previous = numpy.empty((len(protected) // BLOCK, 2), dtype=numpy.uint64)
    previous[1:] = as_blocks(protected)[:-1]
    previous[starts(counts)[counts > 0]] = _initial(iv)
    plain = as_blocks(AES.new(key, AES.MODE_ECB).decrypt(protected)) ^ previous
    output[whole] = plain.view(numpy.uint8).reshape(-1)
    return output.tobytes()


def _whole_blocks(sizes: Sizes) -> Mask:
    """Which bytes lie in a whole block of their sample: all but the last ``size % 16`` of each."""
    tails = sizes % BLOCK
    return all_but(numpy.cumsum(sizes) - tails, tails, int(sizes.sum()))


def _initial(iv: bytes) -> Blocks:
    if len(iv) != BLOCK:
        raise ValueError(f"a constant IV of cbcs has 16 bytes, this one {len(iv)}")
    return as_blocks(iv)
