"""All replicas of a simulation, on all cores, and then one outcome."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import active_children, get_context

from edge_sim.simulator.outcome import Outcome
from edge_sim.simulator.replica import Replica, drawn_day, of_trace, of_world
from edge_sim.simulator.requests import Requests, Source
from edge_sim.simulator.settings import Settings
from edge_sim.simulator.synthetic import World, sample
from media.errors import TonearmError


def simulate_world(world: World, settings: Settings, *, jobs: int | None = None) -> Outcome:
    """A day of `world`; `jobs` processes, as many as there are cores by default."""
    samples = sample(world, settings.slices, settings.replicas)
    replicas = _all(of_world, [(world, settings, each, number) for number, each in enumerate(samples)], jobs)
    return Outcome(settings, replicas, [region.name for region in world.regions], world)


def simulate_trace(source: Source, settings: Settings, *, jobs: int | None = None) -> Outcome:
    """A trace, read once for each replica."""
    replicas = _all(of_trace, [(source, settings, number) for number in range(settings.replicas)], jobs)
    return Outcome(settings, replicas, replicas[0].names, None)


def requests_of(world: World, settings: Settings) -> Requests:
    """What the first sample of `world` asks edges for in a day."""
    drawn, _ = drawn_day(world, settings, sample(world, settings.slices, settings.replicas)[0], 0)
    return replace(drawn.requests, names=tuple(region.name for region in world.regions))


def _all(work: Callable[..., Replica], tasks: list[tuple[object, ...]], jobs: int | None) -> list[Replica]:
    jobs = min(len(tasks), jobs or os.cpu_count() or 1)
    if jobs == 1:
        return [work(*task) for task in tasks]
    # Not forked: whoever calls us may have threads.
    try:
        with ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_quiet) as pool:
            try:
                return list(pool.map(work, *zip(*tasks, strict=True)))
            except BaseException:
                for child in active_children():  # they would go on to their end before we could leave
                    child.terminate()
                raise
    except BrokenProcessPool:
        raise TonearmError("simulate: a process ended early; is there memory for --jobs so many?") from None


def _quiet() -> None:
    """A child that is interrupted ends, and its parent says so once. Nothing in it makes cycles, and to look for them among so many objects takes a tenth."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
