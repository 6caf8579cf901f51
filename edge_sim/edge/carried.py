"""A listener's copy of a manifest: its addresses carry the query on that opened it. What is cached is never touched."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

from multidict import CIMultiDict, CIMultiDictProxy

from edge_sim.edge.objects import Whole
from manifests.carry import defined, rewritten
from media.errors import FormatError, UpstreamFailed

Carry = Literal["rewrite", "define"]


def is_manifest(path: str) -> bool:
    return path.endswith((".m3u8", ".mpd"))


def carried(found: Whole, path: str, query: str, how: Carry) -> Whole:
    """`found` with `query` in it; see `manifests.carry` for how. Raises `UpstreamFailed` when the origin's is no manifest."""
    try:
        text = found.body.decode()
        if how == "define":
            changed = defined(text, path, [part.partition("=")[0] for part in query.split("&")])
        else:
            changed = rewritten(text, path, query)
    except (FormatError, UnicodeDecodeError) as error:
        raise UpstreamFailed(f"origin: {path}: {error}") from None
    body = changed.encode()
    headers = CIMultiDict(found.headers)
    headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    if how == "rewrite":
        headers["Cache-Control"] = "private, no-cache"  # it names one listener's signature
    return replace(found, headers=CIMultiDictProxy(headers), body=body)
