"""Which paths there can be in a store: what a listener or an operator names is held against this before anything is done with it."""

from __future__ import annotations

import re

from media.errors import BadKey

# Every path we publish looks like this; anything cleverer is refused before it is compared, cached or sent on. No store
# has longer keys: the origin would refuse them too, and a listener's nonsense must not look like a failing origin.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}(?:/[A-Za-z0-9_][A-Za-z0-9._-]{0,254})*", re.ASCII)
_LONGEST = 1024


def check_path(path: str) -> str:
    """`path` as it is: canonical, without percent-encoding, dot segments or empty parts. Raises `BadKey`."""
    if len(path) > _LONGEST or not _PLAIN.fullmatch(path):
        raise BadKey(
            "path: only letters, digits, _ - . and no part that is empty, too long or begins with a dot"
        )
    return path
