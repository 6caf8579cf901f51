"""A link: two namespaces and the process that carries packets between them."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from edge_sim.links.namespace import Namespace, require
from edge_sim.links.network import Network
from media.errors import SettingsError

# RFC 2544 sets 198.18.0.0/15 aside for measuring networks. Every link has networks of its own, so all of them use the same two.
_NEAR, _FAR = "198.18.0.1", "198.18.0.2"
_SETTINGS = {
    # A connection knows nothing of the ones before it: a measurement that remembers is another one each time.
    "tcp_no_metrics_save": "1",
    # As kernels have it: what idles for a while begins slowly again (RFC 9293 does not ask for it, RFC 5681 §4.1 does).
    "tcp_slow_start_after_idle": "1",
}


class Link:
    """Listeners live in `near`, servers in `far` (`far.address` is what listeners ask). ``with`` and ``async with`` both do.

    The same `seed` loses the same packets, counted from the first. `congestion` is the congestion control of both ends.
    `counts` says, when the link is gone, how many packets each direction carried, lost by chance and dropped from its full queue.
    Raises `SettingsError` where links cannot be emulated: `missing` tells before.
    """

    def __init__(self, network: Network, *, seed: int = 1, congestion: str = "reno") -> None:
        self.network = network
        self.seed = seed
        self.congestion = congestion
        self.counts: dict[str, dict[str, int]] = {}

    def __enter__(self) -> Self:
        require()
        settings = _SETTINGS | {"tcp_congestion_control": self.congestion}
        try:
            self.near = Namespace(_NEAR, settings)
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise SettingsError(f"link: {place}{error.strerror}") from None
        try:
            self.far = Namespace(_FAR, settings)
            self._wire = self._start()
        except BaseException:
            self.near.close()
            raise
        return self

    def _start(self) -> subprocess.Popen[str]:
        ends = self.near.tun, self.far.tun
        settings = json.dumps({"network": asdict(self.network), "seed": self.seed})
        try:
            wire = subprocess.Popen(
                [sys.executable, "-m", "edge_sim.links.wire", *map(str, ends), settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=ends,
                text=True,
            )
            if wire.stdout is None or not wire.stdout.readline():
                raise SettingsError(f"link: what carries its packets ended at once ({wire.wait()})")
        except BaseException:
            self.far.close()
            raise
        return wire

    def change(self, network: Network) -> None:
        """Be like `network` from the next packet on."""
        assert self._wire.stdin is not None
        self._wire.stdin.write(json.dumps(asdict(network)) + "\n")
        self._wire.stdin.flush()
        self.network = network

    def __exit__(self, *_: object) -> None:
        said, _ignored = self._wire.communicate()  # closes its standard input, which ends it
        if said:
            self.counts = json.loads(said)
        self.far.close()
        self.near.close()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def __repr__(self) -> str:
        return f"Link({self.network})"

    def to_dict(self) -> dict[str, Any]:
        """For reports."""
        return {
            **asdict(self.network),
            "link": "emulated",
            "congestion": self.congestion,
            "seed": self.seed,
            "counts": self.counts,
        }
