"""What one origin counts, in a Prometheus registry of its own so that several can live in one process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

KINDS = {".m3u8": "manifest", ".mpd": "manifest", ".mp4": "segment", ".m4s": "segment"}
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """`requests` by kind and status (499: the client left first), `seconds` from the request to the answer's last byte."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "tonearm_origin_requests", "Requests for objects.", ["kind", "status"], registry=self._registry
        )
        self.seconds = Histogram(
            "tonearm_origin_request_seconds",
            "From the request to the last byte of its answer.",
            ["kind"],
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def count(self, path: str, status: int, seconds: float) -> None:
        kind = KINDS.get(path[path.rfind(".") :], "other")
        self.requests.labels(kind, str(status)).inc()
        self.seconds.labels(kind).observe(seconds)

    def text(self) -> bytes:
        """The exposition format, version 0.0.4."""
        return generate_latest(self._registry)
