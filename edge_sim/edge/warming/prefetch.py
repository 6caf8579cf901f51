"""The next segments of the rendition that somebody just began, or just had to wait for.

Whoever asks for a segment that is in memory is one of many, and the next ones are in memory, too: nothing happens then. Only a miss, a first segment and the
first use of a segment that was fetched ahead move on, so what is hot costs nothing.

Where a song ends is learned: the first segment that is not there is remembered, so it is asked for once and no more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from edge_sim.edge.warming.names import SegmentName

_MOST = 1 << 14  # renditions whose end is remembered


class Prefetch:
    """`ahead`: how many segments."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._ends: OrderedDict[tuple[str, str], int] = OrderedDict()  # folder, rendition → its last segment

    def after(self, segment: SegmentName) -> Iterator[str]:
        """Paths of the segments behind `segment`, as far as there may be any."""
        last = self._ends.get((segment.folder, segment.rendition), segment.number + self._ahead)
        for number in range(segment.number + 1, min(segment.number + self._ahead, last) + 1):
            yield SegmentName(segment.folder, segment.rendition, number).path

    def missing(self, segment: SegmentName) -> None:
        """There is no such segment."""
        key = segment.folder, segment.rendition
        self._ends[key] = min(segment.number - 1, self._ends.get(key, segment.number))
        self._ends.move_to_end(key)
        if len(self._ends) > _MOST:
            self._ends.popitem(last=False)
