"""The fields of what Apple keeps in ``moov/udta/meta/ilst``: boxes without a class, known by their type alone."""

from __future__ import annotations

from packager.inspect.values import Field, field, peek

_HEAD = 8  # bytes in front of a value: its type and a locale
_UTF8, _INTEGER = 1, 21  # types of values


def tag_value(kind: bytes, body: memoryview) -> list[Field]:
    """What stands in a ``data``, ``mean`` or ``name`` box; of any other box its first bytes."""
    if kind in (b"mean", b"name"):
        return [_text(bytes(body[4:]))]
    if kind != b"data" or len(body) < _HEAD:
        return [peek(body)]
    type_, value = int.from_bytes(body[:4], "big"), body[_HEAD:]
    if type_ == _UTF8:
        return [_text(bytes(value))]
    if type_ == _INTEGER and len(value) <= 8:
        return [field("value", int.from_bytes(value, "big", signed=True))]
    return [field("type", type_), peek(value)]


def _text(raw: bytes) -> Field:
    text = raw.decode("utf-8", "replace")
    return field("value", text, f"“{text}”")
