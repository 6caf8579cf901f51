"""Orders to warm: each is a job that runs in the background, a few objects at a time, and tells how far it is."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from edge_sim.edge.stock import Stock
from edge_sim.edge.warming.ledger import Ledger
from edge_sim.edge.warming.song import Extent, current, objects
from media import layout
from media.errors import ManifestError

_AT_ONCE = 8  # of the 128 connections that listeners' misses may use
_MOST = 100  # jobs that are remembered
WAITING = 100_000  # objects of one job


@dataclass
class Job:
    """`counts` by what became of an object: ``fetched``, ``had``, ``missing``, ``failed``. `trouble` is one line for each song that is no song."""

    id: str
    total: int = 0
    done: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    trouble: list[str] = field(default_factory=list)

    def document(self) -> dict[str, object]:
        counts = {name: self.counts[name] for name in ("fetched", "had", "missing", "failed")}
        return {"id": self.id, "done": self.done, "total": self.total, **counts, "trouble": self.trouble}


@dataclass(frozen=True)
class Order:
    """What is to be warmed: paths as they are; of songs their start or all, in these renditions or in each."""

    paths: Sequence[str] = ()
    songs: Sequence[str] = ()
    extent: Extent = "start"
    renditions: Sequence[str] = ()


class Jobs:
    """Runs orders, all of them together a few objects at a time."""

    def __init__(self, stock: Stock, ledger: Ledger) -> None:
        self._stock = stock
        self._ledger = ledger
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def start(self, order: Order) -> Job:
        job = Job(secrets.token_hex(8))
        self._jobs[job.id] = job
        if len(self._jobs) > _MOST:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(self._run(job, order), name=f"warm job {job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, job: Job, order: Order) -> None:
        paths = dict.fromkeys(order.paths)
        for song in order.songs:
            try:
                paths.update(dict.fromkeys(await self._song(song, order)))
            except ManifestError as error:
                job.trouble.append(str(error))
        job.total = len(paths)
        waiting = iter(paths)
        await asyncio.gather(*(self._some(job, waiting) for _ in range(_AT_ONCE)))
        job.done = True

    async def _some(self, job: Job, waiting: Iterator[str]) -> None:
        """Take from `waiting`, as others do, until nothing is left."""
        for path in waiting:
            async with self._turns:
                result = await self._stock.fetch(path)
            job.counts[result] += 1
            if result == "fetched":
                self._ledger.fetched(path, "ordered")

    async def _song(self, song: str, order: Order) -> list[str]:
        """Paths of the version that is published of `song`, or of that version: ``song/version``. Raises `ManifestError`."""
        song_id, _, version = song.partition("/")
        if version:
            path = layout.folder(song_id, version) + layout.PRESENTATION
        else:
            pointer = await self._stock.read(layout.pointer(song_id))
            if pointer is None:
                raise ManifestError(f"{layout.pointer(song_id)}: cannot be had")
            path = current(pointer, song_id)
        text = await self._stock.read(path)
        if text is None:
            raise ManifestError(f"{path}: cannot be had")
        return list(objects(text, order.extent, order.renditions))
