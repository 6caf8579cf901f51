"""What a key may look like, the same in every store: what is refused here never becomes a path or a URL.

>>> check_key("songs/abc/current.json")
'songs/abc/current.json'
"""

from __future__ import annotations

import re

from media.errors import BadKey

# Begins the names that stores use for what is not an object: temporary files, locks, probes.
RESERVED = ".tonearm-"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")


def check_key(key: str) -> str:
    """Return `key`, or raise `BadKey`: relative, UTF-8, no empty, ``.`` or ``..`` part, no control, no backslash.

    A part has at most 255 bytes (NAME_MAX on Linux), a key 1024 (the limit of S3).
    """
    if objection := _objection(key):
        raise BadKey(f"key {key[:200]!r}: {objection}")
    return key


def check_prefix(prefix: str) -> str:
    """Return `prefix`, or raise `BadKey`: it is empty, or a key could begin with it."""
    folder, slash, _ = prefix.rpartition("/")
    if slash:
        check_key(folder)
    return prefix


def _objection(key: str) -> str:
    try:
        if len(key.encode()) > 1024:
            return "longer than 1024 bytes"
    except UnicodeEncodeError:
        return "not UTF-8"
    if _UNSAFE.search(key):
        return "a control character or a backslash"
    for part in key.split("/"):
        if not part:
            return "an empty part"
        if part in (".", ".."):
            return f"the part {part!r}"
        if part.startswith(RESERVED):
            return f"names that begin with {RESERVED} are the store's own"
        if len(part.encode()) > 255:
            return "a part longer than 255 bytes"
    return ""
