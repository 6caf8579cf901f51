"""Starts over a link: emulated where the system lets us, else computed from starts without one.

Either way the document says which it was. The floor is what no player can go below on that link: one round trip and the bytes of
the first sound, and on a new connection its handshakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from edge_sim.links import Link, Network, missing, model
from edge_sim.links.relay import Relay
from edge_sim.player.connection import SocketFactory
from edge_sim.player.waterfall import Kind, Span, Waterfall, by_kind

_SOUND = {"bundle", "init", "segment"}  # spans whose bytes the first sound is made of
_LOCAL = {"dns", "decode"}  # and those that no link makes longer


@dataclass
class Crossing:
    """A network for a `with` block: sockets that cross it, and afterwards what it was."""

    network: Network
    seed: int = 1
    reason: str = ""  # why it is not emulated
    make_socket: SocketFactory | None = None
    _link: Link | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self.reason = missing()
        if not self.reason:
            self._link = self._stack.enter_context(Link(self.network, seed=self.seed))
            self.make_socket = self._stack.enter_context(Relay(self._link)).socket
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def crossed(self, waterfalls: Sequence[Waterfall]) -> tuple[Waterfall, ...]:
        """The starts as they were, or as the model says that they would have been."""
        if self._link is not None:
            return tuple(waterfalls)
        return tuple(computed(waterfall, self.network) for waterfall in waterfalls)

    def to_dict(self) -> dict[str, Any]:
        if self._link is not None:
            return self._link.to_dict()
        return {**asdict(self.network), "link": "model", "because": self.reason}


def floors(waterfalls: Sequence[Waterfall], network: Network) -> dict[Kind, float]:
    """By kind of start, in ms."""
    link = float(network.rtt_ms), float(network.kbits), float(network.upwards)
    found: dict[Kind, float] = {}
    for kind, starts in by_kind(waterfalls).items():
        size = min(sum(span.size for span in start.spans if span.name in _SOUND) for start in starts)
        secure = any(span.name == "tls" for start in starts for span in start.spans)
        floor = model.exchange_ms(float(size), *link)
        if kind == "cold":
            floor += model.connect_ms(*link, model.FULL if secure else None) - (
                model.FULL.ms if secure else 0
            )
        found[kind] = round(floor, 1)
    return found


def computed(waterfall: Waterfall, network: Network) -> Waterfall:
    """A start without a link, as it would have been over one.

    Every span begins as long after the last of those that had ended as it did; handshakes and answers take what the model says, and what
    they took here. Answers share the rate. Each begins with a window of ten packets: right for new connections and for
    those that have rested.
    """
    link = float(network.rtt_ms), float(network.kbits), float(network.upwards)
    moved: list[tuple[Span, Span]] = []
    free_ns = 0  # when the link is through with what was asked for
    for span in sorted(waterfall.spans, key=lambda each: (each.start_ns, each.stop_ns)):
        before = max(
            ((old, new) for old, new in moved if old.stop_ns <= span.start_ns),
            key=lambda pair: pair[1].stop_ns,
            default=None,
        )
        start = before[1].stop_ns + span.start_ns - before[0].stop_ns if before else span.start_ns
        if span.name in _LOCAL:
            extra = 0.0
        elif span.name == "connect":
            extra = model.connect_ms(*link)
        elif span.name == "tls":
            extra = model.exchange_ms(float(model.FULL.down), *link, request=model.FULL.up)
        else:
            extra = model.exchange_ms(float(span.size), *link)
        stop = start + span.ns + round(extra * 1e6)
        if span.size:
            carried_ns = round(model.wire_bytes(float(span.size)) * 8 / network.kbits * 1e6)
            stop = max(stop, free_ns + carried_ns) if free_ns > start + network.rtt_ms * 1_000_000 else stop
            free_ns = stop
        moved.append((span, replace(span, start_ns=start, stop_ns=stop)))
    return replace(waterfall, spans=tuple(new for _, new in moved))
