"""Attribute lists of HLS tags, written and read (RFC 8216bis §4.2).

A quoted string has no escape: a quotation mark or a line break in it cannot be said at all, so one in a value is an
error here and never a way out of the attribute.

    >>> write({"METHOD": "AES-128", "URI": quoted("key")})
    'METHOD=AES-128,URI="key"'
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from media.errors import ManifestError

_ONE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(,(?=.)|$)')
_UNQUOTABLE = re.compile(r'["\x00-\x1f\x7f]')


def quoted(text: str) -> str:
    """`text` as a quoted string. Raises `ManifestError` for what none can hold."""
    if found := _UNQUOTABLE.search(text):
        raise ManifestError(f"{found.group()!r} cannot stand in an HLS attribute: {text[:80]!r}")
    return f'"{text}"'


def write(attributes: Mapping[str, str | int]) -> str:
    return ",".join(f"{name}={value}" for name, value in attributes.items())


def read(text: str) -> dict[str, str]:
    """Names and values as written, quotation marks included. Raises `ManifestError`; a name twice is one, too."""
    attributes: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _ONE.match(text, at)
        if match is None:
            raise ManifestError(f"no attribute at {text[at : at + 40]!r}")
        name, value, _ = match.groups()
        if name in attributes:
            raise ManifestError(f"attribute {name} stands twice")
        attributes[name] = value
        at = match.end()
    return attributes


def unquoted(value: str) -> str:
    """The contents of a quoted string; any other value as it is."""
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value
