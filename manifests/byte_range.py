"""A part of a file, as manifests name it: HLS by length and offset, DASH as HTTP does."""

from __future__ import annotations

import re
from typing import NamedTuple

_LENGTH = re.compile(r"(\d{1,15})(?:@(\d{1,15}))?", re.ASCII)
_ENDS = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class ByteRange(NamedTuple):
    """Both ends belong to it, as in HTTP (RFC 9110 §14.1.2)."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def of_length(text: str, following: int | None = None) -> ByteRange | None:
    """``n[@o]`` (RFC 8216bis §4.4.4.2): `n` bytes from `o` on, or from `following` where no offset is told. ``None`` for no range."""
    match = _LENGTH.fullmatch(text)
    if match is None or not int(match.group(1)):
        return None
    first = following if match.group(2) is None else int(match.group(2))
    return None if first is None else ByteRange(first, first + int(match.group(1)) - 1)


def of_ends(text: str) -> ByteRange | None:
    """``first-last`` (ISO/IEC 23009-1 §5.3.9.2). ``None`` for no range."""
    match = _ENDS.fullmatch(text)
    if match is None or int(match.group(1)) > int(match.group(2)):
        return None
    return ByteRange(int(match.group(1)), int(match.group(2)))
