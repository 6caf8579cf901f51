"""Byte ranges: RFC 9110 §14 in, ``206`` and ``multipart/byteranges`` out.

    >>> wanted("bytes=0-99,-5", 1000)
    (Span(start=0, stop=100), Span(start=995, stop=1000))

A header that is not valid, of another unit, or asks too much is ignored, which §14.2 allows and which costs one answer of
the object's size; that is the most that any header can cost here, because ranges that overlap are joined.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST = 16  # ranges in one request; players ask for one
_UNIT = re.compile(r"bytes=", re.IGNORECASE)
_SPEC = re.compile(r"([0-9]{1,18})-([0-9]{0,18})|-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Bytes ``start … stop-1``."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def wanted(header: str, size: int) -> tuple[Span, ...] | None:
    """The ranges to send of an object of `size` bytes: ``None`` for all of it, an empty tuple for 416.

    In the order of the request (§15.3.7.2 asks for it); sorted where ranges overlap and are joined.
    """
    if not size or not (unit := _UNIT.match(header)):
        return None
    specs = [spec.strip(" \t") for spec in header[unit.end() :].split(",", MOST + 1)]
    specs = [spec for spec in specs if spec]  # §5.6.1.2: empty list elements do not count
    if not 0 < len(specs) <= MOST:
        return None
    spans = []
    for spec in specs:
        match = _SPEC.fullmatch(spec)
        if match is None:
            return None
        first, last, suffix = match.groups()
        if suffix is not None:
            span = Span(max(0, size - int(suffix)), size)
        else:
            if last and int(last) < int(first):
                return None
            span = Span(int(first), min(size, int(last) + 1) if last else size)
        if span.start < span.stop:  # else it lies behind the end, or is the last 0 bytes
            spans.append(span)
    return tuple(_joined(spans))


def _joined(spans: Sequence[Span]) -> Sequence[Span]:
    ordered = sorted(spans)
    if all(before.stop < after.start for before, after in pairwise(ordered)):
        return spans
    joined = ordered[:1]
    for span in ordered[1:]:
        if span.start <= joined[-1].stop:
            joined[-1] = Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return joined


class Multipart:
    """The frame of a ``multipart/byteranges`` body (RFC 9110 §14.6, RFC 2046 §5.1.1).

    The boundary is a hash of the object's ETag: the same request gives the same bytes, and no object that we serve can
    contain a hash of its own hash on purpose.
    """

    def __init__(self, spans: Sequence[Span], *, size: int, media_type: str, etag: str) -> None:
        self._spans = spans
        self._size = size
        self._media_type = media_type
        self._boundary = hashlib.sha256(etag.encode()).hexdigest()[:32]

    @property
    def content_type(self) -> str:
        return f"multipart/byteranges; boundary={self._boundary}"

    @property
    def length(self) -> int:
        heads = sum(len(head) for head, _ in self.parts())
        return heads + sum(map(len, self._spans)) + len(self.end)

    def parts(self) -> Iterator[tuple[bytes, Span]]:
        """What goes before each range's bytes, and the range."""
        delimiter = f"--{self._boundary}\r\n"
        for span in self._spans:
            fields = (
                f"Content-Type: {self._media_type}\r\nContent-Range: {span.content_range(self._size)}\r\n\r\n"
            )
            yield (delimiter + fields).encode("latin-1"), span
            delimiter = f"\r\n--{self._boundary}\r\n"

    @property
    def end(self) -> bytes:
        return f"\r\n--{self._boundary}--\r\n".encode("latin-1")
