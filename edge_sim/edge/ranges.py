"""One byte range out of a whole object: RFC 9110 §14.

Several ranges in one request are answered with the whole object, which §14.2 allows: no player asks for them, and a
multipart answer costs an attacker nothing and us a lot.
"""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range lies outside the object: 416."""


def one_range(header: str, size: int) -> tuple[int, int] | None:
    """``(start, stop)`` of the range that `header` asks of an object of `size` bytes.

    ``None`` when the whole object answers it: no range, several, another unit, or one that is not valid and
    therefore ignored (§14.2). Raises `Unsatisfiable`.

    >>> one_range("bytes=-500", 2000)
    (1500, 2000)
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(int(last) + 1, size) if last else size
