"""How busy processes are while something runs: a thread that looks once a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import psutil

_EVERY_S = 1.0


class Watch:
    """`samples` by name: Unix ms, and the per cent of one core that the busiest process of that name and below took.

    ``machine`` is all that run here, ours or not, in per cent of all cores.
    """

    def __init__(self) -> None:
        self.samples: dict[str, list[tuple[int, float]]] = {}
        self._processes: dict[tuple[str, int], psutil.Process] = {}

    def look(self, pids: Mapping[str, int]) -> None:
        for name, pid in pids.items():
            busiest = 0.0
            with suppress(psutil.Error):  # whoever has just ended
                root = psutil.Process(pid)
                for process in (root, *root.children(recursive=True)):
                    known = self._processes.setdefault((name, process.pid), process)
                    with suppress(psutil.Error):
                        busiest = max(busiest, known.cpu_percent())
            self._add(name, busiest)
        self._add("machine", psutil.cpu_percent())

    def _add(self, name: str, load: float) -> None:
        self.samples.setdefault(name, []).append((int(time.time() * 1000), load))


@contextmanager
def watching(pids: Mapping[str, int]) -> Iterator[Watch]:
    """Looks inside the block."""
    watch, over = Watch(), threading.Event()

    def go() -> None:
        while not over.wait(_EVERY_S):
            watch.look(pids)

    watch.look(pids)
    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
