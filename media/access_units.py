"""Access units of one encoded rendition: one buffer and the sizes, never a list of small objects.

Five minutes of AAC are 13,000 access units. Held as one ``bytes`` with an array of sizes, slicing a segment
out of them is a slice, and a cipher can run over all of them at once.

    >>> units = AccessUnits(b"aaabb", numpy.array([3, 2]), samples_per_unit=1024)
    >>> bytes(units.payload(1, 2))
    b'bb'
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy
import numpy.typing as npt

Sizes = npt.NDArray[numpy.int64]


@dataclass(frozen=True, slots=True, eq=False)
class AccessUnits:
    """`data` holds the units end to end, `sizes` their lengths in bytes, shape (n,)."""

    data: bytes
    sizes: Sizes
    samples_per_unit: int
    offsets: Sizes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        offsets = numpy.zeros(len(self.sizes) + 1, dtype=numpy.int64)
        numpy.cumsum(self.sizes, out=offsets[1:])
        if int(offsets[-1]) != len(self.data):
            raise ValueError(f"sizes add up to {int(offsets[-1])} bytes, data holds {len(self.data)}")
        object.__setattr__(self, "offsets", offsets)

    def __len__(self) -> int:
        return len(self.sizes)

    def payload(self, start: int, stop: int) -> memoryview:
        """The bytes of units ``start … stop-1``, without a copy."""
        return memoryview(self.data)[int(self.offsets[start]) : int(self.offsets[stop])]


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One encoded rendition, as ingest hands it to the packager.

    `codec` is an RFC 6381 string such as ``mp4a.40.2``; `config` the decoder configuration record
    (AAC: AudioSpecificConfig, ISO/IEC 14496-3 §1.6.2.1); `priming` the encoder delay in samples at
    `sample_rate`; `samples` the audible length, so that the units hold ``priming + samples`` rounded up.
    """

    name: str
    codec: str
    config: bytes
    bitrate: int
    sample_rate: int
    channels: int
    priming: int
    samples: int
    units: AccessUnits
