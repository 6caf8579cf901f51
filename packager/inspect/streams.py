"""ADTS, FLAC and Ogg as reports: what `packager.inputs` makes of them."""

from __future__ import annotations

from media.errors import FormatError
from packager.inputs import read
from packager.inspect.report import Report
from packager.inspect.values import duration, field


def inspect_stream(name: str, kind: str, data: bytes) -> Report:
    """Never raises for what is in the file: `Report.error` names the frame or page and the offset."""
    try:
        found = read(data, name="stream")
    except FormatError as error:
        return Report(name, len(data), kind, [], [], str(error))
    rate, units = found.sample_rate, found.units
    fields = [
        field("codec", found.codec),
        field("sample_rate", rate, f"{rate:,} Hz"),
        field("channels", found.channels),
        field("bitrate", found.bitrate, f"{found.bitrate:,} bit/s"),
        field("access_units", len(units)),
        field("samples_per_unit", units.samples_per_unit),
        field("unit_sizes", units.sizes.tolist(), f"{units.sizes.min():,} to {units.sizes.max():,} bytes"),
        duration("priming", found.priming, rate, unit="samples"),
        duration("programme", found.samples, rate, unit="samples"),
        field("config", found.config),
    ]
    return Report(name, len(data), kind, fields, [])
