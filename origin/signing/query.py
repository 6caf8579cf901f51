"""A query as signatures need it: parameters in their order, as they were sent, and each at most once."""

from __future__ import annotations

from collections.abc import Collection

from media.errors import TokenInvalid


def split(query: str) -> list[tuple[str, str]]:
    """Names and values, not decoded. An empty query has none."""
    return [(name, value) for name, _, value in (part.partition("=") for part in query.split("&") if part)]


def only(query: str, names: Collection[str]) -> str:
    """The part of `query` that these parameters are, as it was sent."""
    return "&".join(f"{name}={value}" for name, value in split(query) if name in names)


def without(query: str, names: Collection[str]) -> str:
    """The rest."""
    return "&".join(part for part in query.split("&") if part and part.partition("=")[0] not in names)


def values(query: str, names: Collection[str]) -> dict[str, str]:
    """Those of `names` that are there, not decoded. Raises `TokenInvalid` for one that stands twice."""
    found: dict[str, str] = {}
    for name, value in split(query):
        if name in names:
            if name in found:
                raise TokenInvalid(f"token: {name} stands twice")
            found[name] = value
    return found
