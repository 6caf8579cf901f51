"""ADTS as a file: the frames and nothing else. It has no place for priming and length, so all that decodes is programme."""

from __future__ import annotations

from media import adts
from media.access_units import Encoded
from packager.inputs.aac import aac_codec
from packager.inputs.track import encoded


def read_adts(data: bytes, name: str) -> Encoded:
    """Raises `FormatError`."""
    units = adts.parse(data)
    codec = aac_codec(units.config, units.units.data, units.units.sizes)
    samples = len(units.units) * codec.samples_per_unit
    return encoded(name, codec, units.units.data, units.units.sizes, priming=0, samples=samples)
