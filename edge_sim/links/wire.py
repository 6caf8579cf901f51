"""``python -m edge_sim.links.wire NEAR FAR SETTINGS``: the process that carries a link's packets.

NEAR and FAR are descriptors of TUN devices, SETTINGS a `Network` and a seed in JSON. Another `Network` on standard input, one a line,
changes the link while it runs; the end of standard input, also by the death of whoever holds it, ends the process.
"""

from __future__ import annotations

import gc
import json
import os
import random
import select
import signal
import sys
import time
from contextlib import suppress
from typing import Any

from edge_sim.links.queue import Queue

_LARGEST = 65_536


def queues(network: dict[str, Any], seed: int) -> tuple[Queue, Queue]:
    """From the listener, and towards it."""
    rates = network["up_kbits"] or network["kbits"], network["kbits"]
    there, back = (
        Queue(random=random.Random(2 * seed + way), **_options(network, rate))  # noqa: S311  no secret
        for way, rate in enumerate(rates)
    )
    return there, back


def change(network: dict[str, Any], there: Queue, back: Queue) -> None:
    """From the next packet on; those on their way arrive as they would have."""
    for queue, rate in ((there, network["up_kbits"] or network["kbits"]), (back, network["kbits"])):
        for name, value in _options(network, rate).items():
            setattr(queue, name, value)


def _options(network: dict[str, Any], kbits: int) -> dict[str, Any]:
    return {
        "delay_ns": network["rtt_ms"] * 500_000,
        "kbits": kbits,
        "limit": network["queue_bytes"],
        "loss": network["loss"],
        "jitter_ns": network["jitter_ms"] * 1_000_000,
    }


def carry(near: int, far: int, there: Queue, back: Queue) -> None:
    """Until standard input ends."""
    ways = {near: (there, far), far: (back, near)}
    control = sys.stdin.fileno()
    while True:
        for queue, out in ways.values():
            for packet in queue.take(time.monotonic_ns()):
                # A device that is full drops, as a real one would.
                with suppress(BlockingIOError):
                    os.write(out, packet)
        due = min((queue.due for queue, _ in ways.values() if queue.due is not None), default=None)
        wait = None if due is None else max(0, due - time.monotonic_ns()) / 1e9
        # select, because its timeout is in microseconds: epoll's is in milliseconds
        ready, _, _ = select.select([near, far, control], [], [], wait)
        for descriptor in ready:
            if descriptor == control:
                line = sys.stdin.readline()
                if not line:
                    return
                change(json.loads(line), there, back)
                continue
            queue = ways[descriptor][0]
            with suppress(BlockingIOError):
                while True:
                    packet = os.read(descriptor, _LARGEST)
                    queue.put(time.monotonic_ns(), packet)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(near: str, far: str, settings: str) -> None:
    document = json.loads(settings)
    there, back = queues(document["network"], document["seed"])
    # A packet that waits for a busy processor waits on a link that nobody asked for.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    gc.disable()
    _say("")  # our parent waits for that
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # our parent hears it, and lets go
    carry(int(near), int(far), there, back)
    counts = {
        name: {"carried": queue.carried, "lost": queue.lost, "dropped": queue.dropped}
        for name, queue in (("up", there), ("down", back))
    }
    with suppress(BrokenPipeError):  # nobody is left to read it
        _say(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
