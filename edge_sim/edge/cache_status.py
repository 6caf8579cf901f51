"""The Cache-Status header (RFC 9211): what this tier did with a request.

It is a List of Structured Fields (RFC 9651): each tier appends a member, the one nearest the origin stands first.

    tonearm-edge; hit
    tonearm-edge; hit; ttl=-2; detail=stale-while-revalidate
    tonearm-edge; fwd=uri-miss; stored
    tonearm-edge; fwd=uri-miss; stored; collapsed
    tonearm-edge; fwd=stale; fwd-status=304
    tonearm-edge; fwd=partial
    tonearm-shield; hit, tonearm-eu-west; fwd=uri-miss; stored
"""

from __future__ import annotations

from typing import Literal

NAME = "tonearm-edge"
Forward = Literal["uri-miss", "stale", "partial", "bypass"]


def name_of(region: str) -> str:
    """What a cache in `region` is called: a token (RFC 9211 §2), if the region is letters, digits and hyphens."""
    return f"tonearm-{region}" if region else NAME


class CacheStatus:
    """`name` tells this cache from the others on the way."""

    def __init__(self, name: str = NAME) -> None:
        self._name = name

    def hit(self, upstream: str = "", *, ttl: int | None = None, detail: str = "") -> str:
        """Answered from what we have. `upstream` is what the tiers before us had said when we stored the answer.

        `ttl` in seconds is negative for a stale answer (§2.4); `detail` is a token.
        """
        parameters = ["hit"]
        if ttl is not None:
            parameters.append(f"ttl={ttl}")
        if detail:
            parameters.append(f"detail={detail}")
        return self._append(upstream, *parameters)

    def forwarded(
        self,
        why: Forward,
        *,
        status: int | None = None,
        stored: bool = False,
        collapsed: bool = False,
        detail: str = "",
        upstream: str = "",
    ) -> str:
        """Sent on for reason `why` (§2.2). `status` is the next tier's when it differs from ours; `detail` is a token."""
        parameters = [f"fwd={why}"]
        if status is not None:
            parameters.append(f"fwd-status={status}")
        if stored:
            parameters.append("stored")
        if collapsed:
            parameters.append("collapsed")
        if detail:
            parameters.append(f"detail={detail}")
        return self._append(upstream, *parameters)

    def _append(self, upstream: str, *parameters: str) -> str:
        member = "; ".join((self._name, *parameters))
        return f"{upstream}, {member}" if upstream else member
