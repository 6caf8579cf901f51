"""From the path of a request to a key of the store, and to nothing else."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from media.errors import BadKey
from origin.stores.keys import check_key

_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def key_of(raw_path: str) -> str:
    """The store's key for the path of a request as it stood on the wire.

    Decoded once, strictly: `BadKey` for dot segments, encoded slashes, NUL, broken escapes and what is not UTF-8.
    """
    if not raw_path.startswith("/") or not raw_path.isascii() or _ESCAPE.search(raw_path):
        raise BadKey("path: not a percent-encoded path")
    parts = []
    for part in raw_path[1:].split("/"):
        try:
            parts.append(unquote_to_bytes(part).decode())
        except UnicodeDecodeError:
            raise BadKey("path: not UTF-8") from None
        if "/" in parts[-1]:
            raise BadKey("path: an encoded slash")
    return check_key("/".join(parts))
