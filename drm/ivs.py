"""Initialisation vectors: deterministic, so that packaging twice gives the same bytes, and never shared.

In counter mode (``cenc``) two samples with one key and one IV leak the XOR of their contents. One content key may be used for
many songs: a person names it on the command line, a key server hands it out for an album. So the IV of a rendition's first
sample follows from the KID and from what the rendition contains, 64 bits of a SHA-256; sample i adds i. Other contents begin
elsewhere, the same contents become the same bytes, which leak nothing. That two ranges of 2^14 samples meet by chance among a
million songs under one key has a probability of one in a thousand million; inside a presentation `check_apart` excludes it.

In CBC mode (``cbcs``, AES-128) a repeated IV leaks only that two samples begin alike; each rendition still has its own.

Whoever names an IV names that of the first rendition; the others count on from there, each 2^48 samples (``cenc``) or one
(``cbcs``, AES-128) further. Then it is theirs to name it once.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise
from uuid import UUID

SAMPLE_BITS = 48
_HIGHEST = (1 << 64) - 1


def first_iv(kid: UUID, rendition_name: str, contents: bytes) -> int:
    """The IV of the first sample of a rendition, a 64-bit number (ISO/IEC 23001-7 §9.3); `contents` is a digest, 32 bytes."""
    digest = sha256(b"tonearm first IV\0" + kid.bytes + contents + rendition_name.encode()).digest()
    # The last 2^48 numbers are left out: counting up never wraps.
    return int.from_bytes(digest[:8], "big") % (_HIGHEST - (1 << SAMPLE_BITS))


def constant_iv(kid: UUID, rendition_name: str) -> bytes:
    """The 16-byte IV of a whole rendition, from its key and its name (ISO/IEC 23001-7 §9.2, RFC 8216bis §4.4.4.4)."""
    return sha256(b"tonearm constant IV\0" + kid.bytes + rendition_name.encode()).digest()[:16]


def counted(iv: bytes, index: int) -> bytes:
    """The IV of rendition `index` when that of the first one, 8 or 16 bytes, was named."""
    step = 1 << SAMPLE_BITS if len(iv) == 8 else 1
    return ((int.from_bytes(iv, "big") + index * step) % (1 << 8 * len(iv))).to_bytes(len(iv), "big")


def check_apart(ranges: Iterable[tuple[int, int]]) -> None:
    """`ranges` of IVs under one key, each its first and how many. Raises `ValueError` when two meet without being one."""
    for (start, count), (following, _) in pairwise(sorted(set(ranges))):
        if start + count > following:
            raise ValueError(f"the IVs from {start:016x} and from {following:016x} on meet under one key")
