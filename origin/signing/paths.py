"""Which paths a scope opens.

    songs/abc/0123456789abcdef/*    all that lies below
    songs/abc/*/public/*            a * in the middle stands for exactly one part; tokens of our own only
    songs/abc/current.json          this object

A ``*`` is always a whole part. A path with ``%``, ``?``, ``#``, a backslash, a control character, or empty, ``.`` or ``..`` parts is in no
scope: nothing we publish needs it, and two servers might read it differently.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(r"[%\\?#\x00-\x1f\x7f]")


def is_plain(path: str) -> bool:
    return not _UNSAFE.search(path) and not {"", ".", ".."}.intersection(path.split("/"))


def is_scope(scope: str) -> bool:
    """Whether `scope` can be signed: a plain path in which a ``*`` is a whole part, and not the first."""
    first, *others = scope.split("/")
    return is_plain(scope) and "*" not in first and all(part == "*" or "*" not in part for part in others)


def opens(scope: str, path: str) -> bool:
    """Whether `scope` opens `path`, which must be plain."""
    wanted, given = scope.split("/"), path.split("/")
    if wanted[-1] == "*" and len(given) >= len(wanted):
        wanted.pop()
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        part in ("*", there) for part, there in zip(wanted, given, strict=True)
    )


def matches(pattern: str, text: str) -> bool:
    """Amazon's and Akamai's wildcards: ``*`` any characters, ``/`` too, ``?`` one. At most as many steps as the product of both lengths."""
    at = there = 0
    star, mark = -1, 0
    while there < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, mark, at = at, there, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[there]):
            at, there = at + 1, there + 1
        elif star >= 0:  # let the last * take one more
            mark += 1
            at, there = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("*")
