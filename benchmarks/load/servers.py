"""The tiers as processes of their own, on loopback: an origin, a control API, and an edge before both."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import click

from demo.children import child
from demo.run import free_port, healthy

_READY_S = 30.0


@dataclass(frozen=True, slots=True)
class Tiers:
    """Where listeners go, and each tier's process by name."""

    address: str
    pids: dict[str, int]


@contextmanager
def tiers(tonearm: Sequence[str], store: str) -> Iterator[Tiers]:
    """All of them, ready to answer, inside the block. Raises `ClickException` with a server's own words when it does not start."""
    origin, api, edge = (f"http://127.0.0.1:{free_port(0)}" for _ in range(3))
    with ExitStack() as stack:
        pids = {
            "origin": stack.enter_context(
                server([*tonearm, "origin", "--store", store, "--workers", "1"], origin)
            ),
            "api": stack.enter_context(
                server([*tonearm, "api", "--store", store, "--edge-url", edge], api, "v1/healthz")
            ),
            "edge": stack.enter_context(server([*tonearm, "edge", "--origin", origin, "--api", api], edge)),
        }
        yield Tiers(f"{edge}/", pids)


@contextmanager
def server(arguments: Sequence[str], address: str, health: str = "healthz") -> Iterator[int]:
    """One of them, ready to answer at `address`; gives its pid. Raises `ClickException` with its own words when it does not start."""
    port = address.rpartition(":")[2]
    with (
        tempfile.TemporaryFile("w+") as log,
        child([*arguments, "--port", port, "--no-access-log"], stdout=log, stderr=log) as process,
    ):
        deadline = time.monotonic() + _READY_S
        while not healthy(f"{address}/", health):
            if process.poll() is not None or time.monotonic() > deadline:
                log.seek(0)
                raise click.ClickException(f"{' '.join(arguments)} did not start:\n{log.read()}")
            time.sleep(0.05)
        yield process.pid
