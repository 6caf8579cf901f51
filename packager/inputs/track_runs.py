"""The samples of a fragmented MP4 (ISO/IEC 14496-12 §8.8): `moof` by `moof`, with the defaults of `tfhd` and `trex`."""

from __future__ import annotations

import numpy

from media.access_units import Sizes
from media.boxes import Box, MoofBox, TfdtBox, TfhdBox, TrafBox, TrexBox, TrunBox
from media.boxes.locate import placed
from media.errors import BoxError
from packager.inputs.samples import Runs, Samples, cut, joined

_PATH = "moof/traf/trun"


def read_track_runs(
    data: bytes, boxes: list[Box], starts: list[int], track_id: int, trex: TrexBox
) -> Samples:
    """The samples of one track; `starts` are the places of `boxes`, a whole file. Raises `BoxError`.

    All tracks together have no more samples, and no more bytes of them, than the file has bytes: what is claimed twice is refused.
    Decode times must have no gap: nothing could fill it.
    """
    parts: list[Samples] = []
    budget = len(data)
    due: int | None = None
    start = 0
    try:
        for box, start in zip(boxes, starts, strict=True):
            end = start  # of the data of the track fragment before (§8.8.7.1)
            for traf in box.all(TrafBox) if isinstance(box, MoofBox) else []:
                tfhd = traf.get(TfhdBox)
                base = tfhd.base_data_offset
                if base is None:
                    base = start if tfhd.flags & TfhdBox.DEFAULT_BASE_IS_MOOF else end
                end, found = _fragment(data, base, traf, trex, budget)
                budget -= _cost(found)
                if tfhd.track_id == track_id:
                    due = _follows(traf.find(TfdtBox), due, found.ticks)
                    parts.append(found)
    except BoxError as error:
        raise placed(error, data, start) from None
    return joined(parts)


def _follows(time: TfdtBox | None, due: int | None, ticks: int) -> int | None:
    """When the next fragment is due; ``None`` where no fragment has told a time yet."""
    told = due if time is None else time.base_media_decode_time
    if due is not None and told != due:
        raise BoxError("moof/traf/tfdt", 0, f"time {told}, the fragment before ends at {due}")
    return None if told is None else told + ticks


def _fragment(data: bytes, base: int, traf: TrafBox, trex: TrexBox, budget: int) -> tuple[int, Samples]:
    """The runs of one track fragment, and where their data ends. Together they cost no more than `budget`."""
    tfhd = traf.get(TfhdBox)
    if tfhd.sample_description_index not in (None, 1) or trex.sample_description_index != 1:
        raise BoxError("moof/traf/tfhd", 0, "more than one sample description")
    size = trex.sample_size if tfhd.sample_size is None else tfhd.sample_size
    ticks = trex.sample_duration if tfhd.sample_duration is None else tfhd.sample_duration
    view, end, parts = memoryview(data), base, []
    for run in traf.all(TrunBox):
        sizes = _sizes(run, size, budget)
        start = end if run.data_offset is None else base + run.data_offset
        piece = cut(view, start, sizes, _PATH)
        parts.append(Samples(bytes(piece), sizes, _durations(run, ticks)))
        budget -= _cost(parts[-1])
        end = start + len(piece)
    return end, joined(parts)


def _cost(samples: Samples) -> int:
    """What of the budget is spent. A sample without a byte costs one: it takes room here, and none in the file."""
    return max(len(samples.payload), len(samples.sizes))


def _sizes(run: TrunBox, default: int, budget: int) -> Sizes:
    if run.sizes is None and run.sample_count * max(1, default) > budget:
        raise BoxError(_PATH, 0, f"{run.sample_count} samples of {default} bytes, {budget} bytes are left")
    sizes: Sizes = (
        numpy.full(run.sample_count, default, dtype=numpy.int64)
        if run.sizes is None
        else run.sizes.astype(numpy.int64)
    )
    if int(sizes.sum()) > budget:
        raise BoxError(_PATH, 0, f"samples of {int(sizes.sum())} bytes, {budget} bytes are left")
    return sizes


def _durations(run: TrunBox, default: int) -> Runs:
    if run.durations is None:
        return [(run.sample_count, default)]
    return [(1, ticks) for ticks in run.durations.tolist()]
