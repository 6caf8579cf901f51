"""Who answered, out of ``Cache-Status`` (RFC 9211): each tier appends what it did, the one nearest to the listener last."""

from __future__ import annotations

TIERS = ("memory", "disk", "shield", "joined", "origin")
_ORIGIN = "tonearm-origin"  # it speaks of its own memory, too, but that is no cache's answer


def answered(status: str) -> str:
    """One of `TIERS`; nothing where no cache spoke or the request was not for one.

    ``joined`` is a miss that waited for another listener's fetch of the same object.

    >>> answered("tonearm-edge; fwd=uri-miss; stored, tonearm-edge; hit")
    'memory'
    >>> answered("tonearm-shield; hit, tonearm-edge; fwd=uri-miss; stored")
    'shield'
    """
    members = [[part.strip() for part in member.split(";")] for member in status.split(",") if member.strip()]
    caches = [member for member in members if member[0] != _ORIGIN]
    if not caches or "fwd=bypass" in caches[-1]:
        return ""
    *behind, nearest = caches
    if "detail=stale-if-error" in nearest:  # it asked, nobody answered, and it had an old one
        return "memory"
    if "hit" in nearest:
        return "disk" if "detail=disk" in nearest else "memory"
    if "collapsed" in nearest:
        return "joined"
    return "shield" if any("hit" in member for member in behind) else "origin"
