"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

_UNITS = ("", "k", "M", "G", "T", "P", "E")


def amount(value: float, unit: str = "") -> str:
    """Three digits and a prefix: ``2 TB``, ``40.6 G``.

    >>> amount(2e12, "B"), amount(40_604_815_532), amount(950, "B")
    ('2 TB', '40.6 G', '950 B')
    """
    power = 0
    while abs(value) >= 999.5 and power < len(_UNITS) - 1:
        value /= 1000
        power += 1
    return f"{value:.3g} {_UNITS[power]}{unit}".rstrip()


def per_cent(ratio: dict[str, Any]) -> str:
    """``96.62 % ± 0.10`` of a value with its standard error."""
    error = ratio["error"]
    return f"{ratio['value'] * 100:.2f} %" + (f" ± {error * 100:.2f}" if error is not None else "")


def ms(value: dict[str, Any]) -> str:
    error = value["error"]
    return f"{value['value']:.0f} ms" + (f" ± {error:.1f}" if error is not None else "")


def span_ms(value: float) -> str:
    """A time that was measured once: ``3.4 ms``, ``212 ms``."""
    return f"{value:.1f} ms" if value < 99.95 else f"{value:,.0f} ms"


def dollars(value: float) -> str:
    return f"${value:,.0f}"


def clock(time_ms: float) -> str:
    """Hours and minutes since the beginning."""
    minutes = round(time_ms / 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}"
