"""How long an answer of the origin may be used: RFC 9111 §4.2 and §5.2.2, RFC 5861 §3 and §4, and RFC 8246.

The edge is a shared cache: ``s-maxage`` goes before ``max-age``, ``private`` means hands off. ``immutable`` needs no
treatment of its own: within its life an object is never asked for again, whatever the client says. An answer
without explicit life is kept but asked about every time; we guess no lifetimes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GRACE_MS = 24 * 3600 * 1000  # how long after its life an object still serves when the origin is in trouble
_LONGEST_S = 1 << 31  # RFC 9111 §1.2.2: what a recipient cannot represent is this long
# token [ "=" ( token | quoted-string ) ], RFC 9111 §5.2. Possessive, and only after a separator: time linear in the text.
_TCHAR = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_DIRECTIVE = re.compile(
    rf"""(?:(?<=[,\s])|^)({_TCHAR}++)(?:=(?:"((?:[^"\\]|\\.)*+)"|({_TCHAR}*+)))?+\s*+(?:,|$)"""
)


@dataclass(frozen=True, slots=True)
class Freshness:
    """Times in ms. Zero `lifetime_ms` means: ask before every use. The other two count from the end of the life.

    `window_ms` long an old object is answered while it is asked about (stale-while-revalidate), `grace_ms` long it stands in for an origin
    in trouble (stale-if-error).
    """

    storable: bool
    lifetime_ms: int
    window_ms: int
    grace_ms: int


def freshness(cache_control: str, vary: str = "") -> Freshness:
    """What an answer's ``Cache-Control`` and ``Vary`` allow a shared cache.

    The edge's own requests all look alike, so no ``Vary`` can choose between two of its answers; only ``*``, which
    says that something outside the request decided (RFC 9110 §12.5.5), forbids storing.
    """
    directives = parse(cache_control)
    storable = not directives.keys() & {"no-store", "private"} and "*" not in vary
    if "no-cache" in directives:
        lifetime = 0
    else:
        lifetime = _seconds(directives.get("s-maxage", directives.get("max-age", "")))
    if directives.keys() & {"no-cache", "must-revalidate", "proxy-revalidate"}:
        window = 0  # each says not to use it before asking
    else:  # s-maxage forbids as much by itself (§5.2.2.10), but not where the same answer allows it in so many words
        window = _seconds(directives.get("stale-while-revalidate", ""))
    if "stale-if-error" in directives:
        grace_ms = _seconds(directives["stale-if-error"]) * 1000
    elif directives.keys() & {"must-revalidate", "proxy-revalidate", "s-maxage"}:
        grace_ms = 0  # §5.2.2.2, §5.2.2.8 and §5.2.2.10 forbid what §4.2.4 otherwise leaves to the cache
    else:
        grace_ms = GRACE_MS
    return Freshness(storable, lifetime * 1000, window * 1000, grace_ms)


def parse(cache_control: str) -> dict[str, str]:
    """Directives by lower-case name, without quotes; the first of two equal names counts (§4.2.1)."""
    directives: dict[str, str] = {}
    for name, quoted, token in _DIRECTIVE.findall(cache_control):
        directives.setdefault(name.lower(), quoted or token)
    return directives


def _seconds(value: str) -> int:
    """delta-seconds; what is not a number counts as stale (§4.2.1)."""
    return min(int(value[:20]), _LONGEST_S) if value.isascii() and value.isdigit() else 0
