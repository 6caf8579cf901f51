"""One server behind the edge: its address, its health, and what was seen of it."""

from __future__ import annotations

from urllib.parse import quote

from yarl import URL

from edge_sim.edge.upstreams.circuit import Circuit


class Server:
    """`tier` is what its tier is called in errors and metrics: ``shield`` or ``origin``. Times in ns."""

    def __init__(self, url: str, tier: str) -> None:
        self._url = url.rstrip("/")
        self.tier = tier
        self.circuit = Circuit()
        self.answers = 0
        self.failures = 0
        self.waited_ns = 0  # for the heads of its answers, all together

    def __str__(self) -> str:
        return self._url

    def url(self, path: str) -> URL:
        """The address of `path`, which is relative and canonical: no part of it can lead elsewhere."""
        return URL(f"{self._url}/{quote(path)}", encoded=True)
