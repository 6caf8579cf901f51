"""What a player says of itself with each request: Common Media Client Data (CTA-5004), in its four header fields."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

# §3.2: which field a key travels in. Objects differ with each request, sessions do not; so caches may compress.
_FIELDS = {
    "CMCD-Object": ("br", "d", "ot"),
    "CMCD-Request": ("bl", "mtp", "nor", "su"),
    "CMCD-Session": ("cid", "sf", "sid", "st"),
    "CMCD-Status": ("bs",),
}
_TOKENS = frozenset(("ot", "sf", "st"))


def fields(said: Mapping[str, int | str | bool | None]) -> dict[str, str]:
    """Header fields of what is said; what is nothing or false is left out.

    Times are rounded to 100 ms, rates to 100 kbit/s (§3.2, table 1), so that they tell nobody apart.

    >>> fields({"br": 160, "ot": "a", "su": True, "bl": 1234})
    {'CMCD-Object': 'br=160,ot=a', 'CMCD-Request': 'bl=1200,su'}
    """
    result = {}
    for name, keys in _FIELDS.items():
        members = [_member(key, said[key]) for key in keys if _told(said.get(key))]
        if members:
            result[name] = ",".join(members)
    return result


def _told(value: int | str | bool | None) -> bool:
    """An empty buffer is worth saying, so 0 is not nothing."""
    return value is not None and value is not False and value != ""


def _member(key: str, value: int | str | bool | None) -> str:
    if value is True:
        return key
    if key in ("bl", "mtp"):
        return f"{key}={round(int(value or 0), -2)}"
    if key == "nor":
        return f'{key}="{quote(str(value), safe="")}"'
    return f"{key}={value}" if isinstance(value, int) or key in _TOKENS else f'{key}="{value}"'
