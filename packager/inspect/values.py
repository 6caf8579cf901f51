"""How a value is said: for machines as it is, for people in their units."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

SHOWN_ROWS = 6  # of a long table
_PEEK = 16  # bytes of what is not known
_EPOCH = datetime(1904, 1, 1, tzinfo=UTC)  # ISO/IEC 14496-12 §8.2.2.3
_PRINTABLE = frozenset((string.ascii_letters + string.digits + string.punctuation + " ").encode())


@dataclass(frozen=True, slots=True)
class Field:
    """One field in the standard's words: `value` goes into JSON, `text` to people."""

    name: str
    value: Any
    text: str


def field(name: str, value: Any, text: str | None = None) -> Field:
    """Numbers with thousands apart, bytes as text or hex, unless `text` says it better."""
    if isinstance(value, bytes | memoryview):
        return Field(name, bytes(value).hex(), bytes(value).hex() if text is None else text)
    if text is None:
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    return Field(name, value, text)


def fourcc(code: bytes) -> str:
    """A four-character code; what is not printable as an escape, but for the © of Apple's tags."""
    known = {0xA9: "©"}
    return "".join(chr(byte) if byte in _PRINTABLE else known.get(byte, f"\\x{byte:02x}") for byte in code)


def seconds(ticks: int, timescale: int) -> str:
    """Exact to the microsecond; minutes from one minute on."""
    micros = (2_000_000 * abs(ticks) + timescale) // (2 * timescale)
    minutes, rest = divmod(micros, 60_000_000)
    sign = "-" if ticks < 0 else ""
    if minutes:
        return f"{sign}{minutes}:{rest // 1_000_000:02d}.{rest % 1_000_000:06d}"
    return f"{sign}{rest // 1_000_000}.{rest % 1_000_000:06d} s"


def duration(name: str, ticks: int, timescale: int, *, unit: str = "ticks") -> Field:
    """A time; without a timescale there are no seconds."""
    text = f"{ticks:,} {unit}"
    return field(name, ticks, f"{text} ({seconds(ticks, timescale)})" if timescale and ticks else text)


def clock(name: str, since_1904: int) -> list[Field]:
    """A time of creation; none when it is 0."""
    if not since_1904:
        return []
    try:
        text = (_EPOCH + timedelta(seconds=since_1904)).strftime("%Y-%m-%d %H:%M:%S UTC")
    except OverflowError:
        text = "beyond the calendar"
    return [field(name, since_1904, text)]


def kid(name: str, raw: bytes) -> Field:
    return Field(name, str(UUID(bytes=raw)), str(UUID(bytes=raw)))


def rows(name: str, table: Sequence[Any], texts: Sequence[str] | None = None) -> Field:
    """A table: whole for machines, its first rows for people."""
    values = list(table)
    if not values:
        return Field(name, [], "none")
    told = [str(value) for value in values[:SHOWN_ROWS]] if texts is None else list(texts[:SHOWN_ROWS])
    more = f", … {len(values) - SHOWN_ROWS:,} more" if len(values) > SHOWN_ROWS else ""
    return Field(name, values, ", ".join(told) + more)


def peek(data: bytes | memoryview) -> Field:
    """The first bytes of what is not understood, in hex and, where most of them are letters, as text."""
    head = bytes(data[:_PEEK])
    dots = "…" if len(data) > _PEEK else ""
    text = "".join(chr(byte) if byte in _PRINTABLE else "·" for byte in head)
    readable = sum(byte in _PRINTABLE for byte in head) * 2 > len(head)
    return Field("data", head.hex(), head.hex(" ", 4) + dots + (f"  “{text}{dots}”" if readable else ""))
