"""The sample tables of a plain MP4 (ISO/IEC 14496-12 §8.6, §8.7): sizes, durations, and chunks of samples in the file.

Chunks are as many as seconds, samples as many as access units: the loops are over chunks. Every count is compared with the
others before anything is made of its size.
"""

from __future__ import annotations

import numpy

from media.access_units import Sizes
from media.boxes import Co64Box, StblBox, StcoBox, StscBox, StszBox, SttsBox
from media.errors import BoxError
from packager.inputs.samples import Samples, cut


def read_sample_table(data: bytes, stbl: StblBox) -> Samples:
    """Raises `BoxError`."""
    sizes = _sizes(stbl.get(StszBox), len(data))
    durations = [(int(count), int(ticks)) for count, ticks in stbl.get(SttsBox).entries.tolist()]
    if sum(count for count, _ in durations) != len(sizes):
        raise BoxError("stbl/stts", 0, f"its counts do not add up to the {len(sizes)} samples of stsz")
    view, pieces, first = memoryview(data), [], 0
    for offset, count in _chunks(stbl, len(sizes)):
        pieces.append(cut(view, offset, sizes[first : first + count], "stbl/stco"))
        first += count
    return Samples(b"".join(pieces), sizes, durations)


def _sizes(stsz: StszBox, limit: int) -> Sizes:
    """Bytes of each sample; together no more than the file has, so that no chunk can be told twice."""
    count, size = stsz.sample_count, stsz.sample_size
    if size and count * size > limit:
        raise BoxError("stbl/stsz", 0, f"{count} samples of {size} bytes, the file has {limit}")
    sizes = numpy.full(count, size, dtype=numpy.int64) if size else stsz.sizes.astype(numpy.int64)
    if int(sizes.sum()) > limit:
        raise BoxError("stbl/stsz", 0, f"samples of {int(sizes.sum())} bytes, the file has {limit}")
    return sizes


def _chunks(stbl: StblBox, samples: int) -> list[tuple[int, int]]:
    """Offset in the file and number of samples of each chunk."""
    large = stbl.find(Co64Box)
    offsets = (large or stbl.get(StcoBox)).offsets.tolist()
    runs = stbl.get(StscBox).entries.astype(numpy.int64)
    # §8.7.4: a run of chunks alike goes on up to the first chunk of the next.
    firsts = numpy.append(runs[:, 0], len(offsets) + 1)
    lengths = numpy.diff(firsts)
    if not offsets and not samples:  # whatever the runs say: a fragmented file has none
        return []
    if not offsets or firsts[0] != 1 or int(lengths.min()) < 1:
        raise BoxError("stbl/stsc", 0, f"its runs do not cover the {len(offsets)} chunks in order")
    if int((lengths * runs[:, 1]).sum()) != samples:
        raise BoxError("stbl/stsc", 0, f"its chunks do not hold the {samples} samples of stsz")
    if len(runs) and bool((runs[:, 2] != 1).any()):
        raise BoxError("stbl/stsc", 0, "more than one sample description")
    return list(zip(offsets, numpy.repeat(runs[:, 1], lengths).tolist(), strict=True))
