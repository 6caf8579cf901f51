"""How long a start takes when its objects lie where the simulation found them.

    T = handshakes + RTT · (N - 1) + one exchange of all the bytes + what the tiers take

Handshakes (TCP and TLS 1.3) where a connection has to be opened, and an exchange as `edge_sim.links.model` has them; N is the requests one after
another. Our player asks for the presentation, and then for initialisation and first segment at once: N is 2, and of those two the slower one counts. Round trips and
bandwidths of listeners are lognormal; half of them are better than the medians.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.links import model
from edge_sim.simulator.requests import Floats, Ints
from edge_sim.simulator.synthetic import Day

_STEPS = 2
_SPREAD = 0.5  # of the logarithms
EDGES_MS = numpy.concatenate([[0.0], numpy.geomspace(5, 20_000, 240)])  # of the histogram's bins


@dataclass(frozen=True, slots=True)
class Network:
    """Medians of the listeners' links, and what each of the `TIERS` adds to an answer; all in ms but for kbit/s."""

    rtt: float = 30.0
    kbits: float = 12_000.0
    tiers: tuple[float, float, float, float] = (0.1, 2.0, 40.0, 150.0)


def starts(network: Network, day: Day, answered: Ints, *, seed: int) -> Floats:
    """The start time of each stream of `day`, in ms; `answered` says where each of its requests was."""
    random = numpy.random.default_rng(seed)
    count = len(day.streams.time)
    rtt = network.rtt * numpy.exp(_SPREAD * random.standard_normal(count))
    kbits = network.kbits * numpy.exp(_SPREAD * random.standard_normal(count))
    requests = day.requests
    waiting = numpy.flatnonzero(requests.streams >= 0)
    stream = requests.streams[waiting]
    took = numpy.array(network.tiers)[answered[waiting]]
    size = requests.sizes[waiting]
    # A stream's requests stand in the order of time: presentation, initialisation, first segment.
    order = numpy.argsort(stream, kind="stable")
    first, second, third = took[order].reshape(count, 3).T
    sizes = size[order].reshape(count, 3).sum(axis=1)
    handshakes = day.streams.cold * model.connect_ms(rtt, kbits, kbits, model.FULL)
    exchange = model.exchange_ms(sizes.astype(numpy.float64), rtt, kbits, kbits)
    tiers = first + numpy.maximum(second, third)
    return numpy.asarray(handshakes + rtt * (_STEPS - 1) + exchange + tiers, numpy.float64)


def histogram(times: Floats) -> Ints:
    """How many lie in each bin of `EDGES_MS`; the last takes what is beyond."""
    counts, _ = numpy.histogram(numpy.minimum(times, EDGES_MS[-1]), EDGES_MS)
    return counts


def quantile(counts: Floats, share: float) -> float:
    """In ms, from a histogram over `EDGES_MS`, even inside a bin; 0 for an empty one."""
    total = numpy.concatenate([[0.0], numpy.cumsum(counts)])
    return float(numpy.interp(share * total[-1], total, EDGES_MS)) if total[-1] else 0.0
