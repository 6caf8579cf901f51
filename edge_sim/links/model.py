"""How long exchanges over a link take, computed: for where links cannot be emulated, and for streams by the million.

TCP's first flight is a window of ten packets (RFC 6928), and each round trip of acknowledgements doubles it (slow start, RFC 5681
§3.1). What lies behind the first k flights cannot leave before k round trips are over, and then it needs the rate. So the last of
B bytes comes, after the first could have,

    max over k ≥ 0 of   k · (RTT + s) + (B − sent(k)) · 8 / rate,      sent(k) = window · (2^k − 1) packets < B

later, where s is the time that one packet and one acknowledgement spend at the rates. On a fast link the largest k decides (the link idles between
flights), on a slow one k = 0 (the link is busy throughout). Bytes are those of IP packets: 52 of headers for each 1448.

A new connection costs a round trip, TLS 1.3 another (RFC 8446 §2; resumed, it is the same trip with less to carry). Behind its handshake a
server sends tickets, which take their part of the first window.

Not in the model: loss, and a queue too short for a flight. It assumes that the queue holds what slow start puts there, which is never more than
half of what is sent; compared with real connections on a grid in docs/benchmarks.md. Arguments may be numbers or numpy arrays;
times are ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, cast

import numpy
import numpy.typing as npt

Number = TypeVar("Number", float, npt.NDArray[numpy.float64])

MSS = 1448  # bytes: 1500, less 20 of IP, 20 of TCP and 12 of its timestamps
HEADERS = 52
WINDOW = 10  # packets
_SYN = 60
_MOST = 24  # flights: more than any object has


@dataclass(frozen=True, slots=True)
class Handshake:
    """What TLS 1.3 carries, in bytes each way and packets of the first window, and what it costs in computing."""

    up: int
    down: int
    ms: float
    tickets: int = 2
    ticket_bytes: int = 300


FULL = Handshake(up=600, down=1200, ms=3.0)
RESUMED = Handshake(up=800, down=300, ms=2.0, tickets=1)


def wire_bytes(payload: Number) -> Number:
    """With the headers of the packets that carry it."""
    return cast(Number, payload + numpy.ceil(payload / MSS) * HEADERS)


def transfer_ms(
    payload: Number, rtt_ms: Number, kbits: Number, up_kbits: Number, window: float = WINDOW
) -> Number:
    """From when the first byte could have come, had it no length, to the last byte."""
    trip = rtt_ms + (MSS + HEADERS) * 8 / kbits + HEADERS * 8 / up_kbits
    total = wire_bytes(payload)
    worst = numpy.maximum(total, 0) * 8 / kbits
    for k in range(1, _MOST):
        left = total - window * (2**k - 1) * (MSS + HEADERS)
        if not numpy.any(left > 0):
            break
        worst = numpy.where(left > 0, numpy.maximum(worst, k * trip + left * 8 / kbits), worst)
    return cast(Number, worst if isinstance(worst, numpy.ndarray) and worst.ndim else float(worst))


def exchange_ms(
    payload: Number,
    rtt_ms: Number,
    kbits: Number,
    up_kbits: Number,
    *,
    request: int = 250,
    window: float = WINDOW,
) -> Number:
    """A request on an open connection: the answer's last byte is here so long after it was sent."""
    return rtt_ms + (request + HEADERS) * 8 / up_kbits + transfer_ms(payload, rtt_ms, kbits, up_kbits, window)


def connect_ms(rtt_ms: Number, kbits: Number, up_kbits: Number, tls: Handshake | None = None) -> Number:
    """TCP's handshake, and TLS's."""
    tcp = rtt_ms + _SYN * 8 / up_kbits + _SYN * 8 / kbits
    if tls is None:
        return tcp
    flight = rtt_ms * 0 + tls.down
    return tcp + exchange_ms(flight, rtt_ms, kbits, up_kbits, request=tls.up) + tls.ms


def first_exchange_ms(
    payload: Number,
    rtt_ms: Number,
    kbits: Number,
    up_kbits: Number,
    tls: Handshake | None = None,
    *,
    request: int = 250,
) -> Number:
    """`exchange_ms` on a connection that has just been opened (which `connect_ms` counts): tickets go before the answer."""
    if tls is None:
        return exchange_ms(payload, rtt_ms, kbits, up_kbits, request=request)
    late = tls.tickets * (tls.ticket_bytes + HEADERS) * 8 / kbits
    return late + exchange_ms(payload, rtt_ms, kbits, up_kbits, request=request, window=WINDOW - tls.tickets)


def grown(payload: float, window: float = WINDOW) -> float:
    """The window, in packets, of a connection that has just carried `payload`.

    Each acknowledged packet adds one, as long as the window is no more than twice what was ever under way at once.
    """
    packets = -(-payload // MSS)
    return window + packets if packets > window else max(window, min(window + packets, 2 * packets))
