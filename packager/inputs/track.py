"""What the readers of all formats end with: a codec, access units, and where in them the programme lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from media.access_units import AccessUnits, Encoded, Sizes
from media.errors import FormatError
from packager.track import bitrates


@dataclass(frozen=True, slots=True)
class Codec:
    """`name` is the RFC 6381 string, `config` the decoder configuration; rate, channels and unit those of its output."""

    name: str
    config: bytes
    sample_rate: int
    channels: int
    samples_per_unit: int


def encoded(name: str, codec: Codec, payload: bytes, sizes: Sizes, *, priming: int, samples: int) -> Encoded:
    """The rendition `name`. Raises `FormatError` when the units do not hold the programme that is claimed."""
    check_units(sizes)
    held = len(sizes) * codec.samples_per_unit
    if priming < 0 or samples < 1 or priming + samples > held:
        raise FormatError(
            f"{samples} samples behind {priming} of priming are claimed, {len(sizes)} access units hold {held}"
        )
    units = AccessUnits(payload, sizes, codec.samples_per_unit)
    return Encoded(
        name=name,
        codec=codec.name,
        config=codec.config,
        bitrate=bitrates(units, codec.sample_rate)[1],
        sample_rate=codec.sample_rate,
        channels=codec.channels,
        priming=priming,
        samples=samples,
        units=units,
    )


def check_units(sizes: Sizes) -> None:
    """Raise `FormatError` where there are no units, or one of no bytes."""
    if not len(sizes):
        raise FormatError("no access units")
    if int(sizes.min()) < 1:
        raise FormatError(f"access unit {int(numpy.argmin(sizes))} is empty")
