"""Opaque cursors: where the next page starts, as the sort key of the last item on this one.

A key, not an offset: what is inserted or removed meanwhile neither repeats nor hides another item. A cursor holds
nothing that its reader may not see, so it is not signed; a made-up one gives a page or a 422, nothing else.

    >>> decode(encode(["nightwish", 3]), str, int)
    ('nightwish', 3)
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from media.errors import ApiError

_LARGEST = 2**53


def encode(key: Sequence[str | int]) -> str:
    text = json.dumps(list(key), separators=(",", ":"), ensure_ascii=False)
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def decode(cursor: str, *types: type[str] | type[int]) -> tuple[str | int, ...]:
    """The key in `cursor`, of exactly these `types`. Raises `ApiError` 422."""
    try:
        key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        "".join(
            item for item in key if isinstance(item, str)
        ).encode()  # JSON can spell half a surrogate pair
    except (binascii.Error, ValueError, TypeError, RecursionError):
        key = None
    if (
        not isinstance(key, list)
        or [type(item) for item in key] != list(types)
        or any(isinstance(item, int) and abs(item) > _LARGEST for item in key)
    ):
        raise ApiError(
            422,
            "invalid",
            "query: not acceptable: cursor",
            members={"errors": [{"in": "query", "field": "cursor", "detail": "not a cursor of this list"}]},
        )
    return tuple(key)
