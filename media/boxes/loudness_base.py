"""`LoudnessBaseBox` (ISO/IEC 14496-12 §12.2.7): what `tlou` and `alou` share.

All values are the codes of ISO/IEC 23003-4, as they stand in the file; `packager.loudness_box` knows what they mean. The
syntax declares peaks as signed, their code is not: they are kept as 12 bits without a sign.
"""

from __future__ import annotations

import struct
from typing import ClassVar, NamedTuple, Self

from media.boxes.base import FullBox, box
from media.boxes.reader import Reader

_MOST_LOUDNESSES = 63  # 6 bits count them
_MOST_MEASUREMENTS = 255


class Measurement(NamedTuple):
    """What one method gave: its definition and value a byte each, who measured and how reliably 4 bits each."""

    method: int
    value: int
    system: int
    reliability: int


class MeasuredLoudness(NamedTuple):
    """Measurements of one way to play the track: `downmix_id` (7 bits), `drc_set_id` and `eq_set_id` (6 bits) 0 is as it is.

    Peaks are 12 bits, 0 where there is none; `system` and `reliability` are those of the true peak. Version 0 has no `eq_set_id`.
    """

    measurements: tuple[Measurement, ...]
    sample_peak: int = 0
    true_peak: int = 0
    system: int = 0
    reliability: int = 0
    downmix_id: int = 0
    drc_set_id: int = 0
    eq_set_id: int = 0


@box
class LoudnessBaseBox(FullBox):
    """Version 0 holds one `MeasuredLoudness`, version 1 any number up to 63."""

    VERSIONS: ClassVar[tuple[int, ...]] = (0, 1)

    loudnesses: tuple[MeasuredLoudness, ...]

    def __post_init__(self) -> None:
        if self.version == 0 and len(self.loudnesses) != 1:
            raise ValueError("version 0 holds one loudness")
        if len(self.loudnesses) > _MOST_LOUDNESSES:
            raise ValueError(f"at most {_MOST_LOUDNESSES} loudnesses have a place in one box")
        if any(len(each.measurements) > _MOST_MEASUREMENTS for each in self.loudnesses):
            raise ValueError(f"at most {_MOST_MEASUREMENTS} measurements have a place in one loudness")

    def fields(self) -> bytes:
        count = bytes((len(self.loudnesses),)) if self.version else b""
        return count + b"".join(_written(each, self.version) for each in self.loudnesses)

    @classmethod
    def read_fields(cls, reader: Reader, version: int, flags: int) -> Self:
        count = reader.uint(1) & 0x3F if version else 1
        return cls(tuple(_read(reader, version) for _ in range(count)), version=version, flags=flags)


def _written(loudness: MeasuredLoudness, version: int) -> bytes:
    head = struct.pack(
        ">HIB",
        loudness.downmix_id << 6 | loudness.drc_set_id,
        loudness.sample_peak << 20 | loudness.true_peak << 8 | loudness.system << 4 | loudness.reliability,
        len(loudness.measurements),
    )
    eq_set = bytes((loudness.eq_set_id,)) if version else b""
    rows = (bytes((*row[:2], row.system << 4 | row.reliability)) for row in loudness.measurements)
    return b"".join((eq_set, head, *rows))


def _read(reader: Reader, version: int) -> MeasuredLoudness:
    eq_set_id = reader.uint(1) & 0x3F if version else 0
    ids, levels = reader.uint(2), reader.uint(4)
    rows = reader.array("u1", reader.uint(1), 3).tolist()
    return MeasuredLoudness(
        tuple(Measurement(method, value, told >> 4, told & 15) for method, value, told in rows),
        levels >> 20,
        levels >> 8 & 0xFFF,
        levels >> 4 & 15,
        levels & 15,
        ids >> 6 & 0x7F,
        ids & 0x3F,
        eq_set_id,
    )
