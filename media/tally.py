"""Numbers that all workers of one server share: each writes a row of its own, and whoever is asked adds the rows up.

    tally = Tally(cells=3, rows=2)      # before the workers are forked
    tally.row(0)[2] += 1                # in worker 0
    tally.total(2)                      # in any of them

Memory without a file, 64-bit integers, no locks: a row has one writer. A worker that dies leaves its row, so counters never go back.
"""

from __future__ import annotations

import mmap


class Tally:
    def __init__(self, cells: int, rows: int = 1) -> None:
        self._cells = cells
        self._all = memoryview(mmap.mmap(-1, 8 * cells * rows)).cast("q")

    def row(self, number: int) -> memoryview:
        return self._all[number * self._cells : (number + 1) * self._cells]

    def total(self, cell: int) -> int:
        return sum(self._all[cell :: self._cells].tolist())
