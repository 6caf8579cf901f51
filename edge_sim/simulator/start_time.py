"""How long a start takes when its objects lie where the simulation found them.

    T = handshakes + RTT · (N - 1) + earlier bytes / rate + the last exchange + what the API and the tiers take

Handshakes (TCP and TLS 1.3) where a connection has to be opened, and an exchange as `edge_sim.links.model` has them; N is the requests one after another:

    bundle        1   the API's start bundle; 2 where it came without media: then initialisation and first segment from the tiers, of which the slower counts
    presentation  2   our player without bundles: the grant; then presentation, initialisation and first segment at once
    walk          5   a standard player: grant, multivariant playlist, media playlist, initialisation, first segment

Playlists lie where the presentation does, for the same listeners ask for them. Round trips and bandwidths of listeners are lognormal; half of them are better than the medians.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from edge_sim.links import model
from edge_sim.simulator import songs
from edge_sim.simulator.bundles import Bundles
from edge_sim.simulator.requests import Flags, Floats, Ints, Requests
from media.start_bundle import WORDS

_TRIPS = {"bundle": 2, "presentation": 2, "walk": 5}
_SPREAD = 0.5  # of the logarithms
EDGES_MS = numpy.concatenate([[0.0], numpy.geomspace(5, 20_000, 240)])  # of the histogram's bins


@dataclass(frozen=True, slots=True)
class Network:
    """Medians of the listeners' links, what each of the `TIERS` adds to an answer, and what the API does; all in ms but for kbit/s."""

    rtt: float = 30.0
    kbits: float = 12_000.0
    tiers: tuple[float, float, float, float] = (0.1, 2.0, 40.0, 150.0)
    api: float = 3.0


def starts(
    network: Network,
    way: str,
    requests: Requests,
    answered: Ints,
    cold: Flags,
    bundles: Bundles | None,
    *,
    seed: int,
) -> Floats:
    """The start time of each stream, in ms. `way` is one of `edge_sim.simulator.options.MODELS`; `answered` says where each request was; `cold` streams open a connection."""
    random = numpy.random.default_rng(seed)
    count = len(cold)
    rtt = network.rtt * numpy.exp(_SPREAD * random.standard_normal(count))
    kbits = network.kbits * numpy.exp(_SPREAD * random.standard_normal(count))
    waiting = numpy.flatnonzero(requests.streams >= 0)
    stream, size, number = (
        requests.streams[waiting],
        requests.sizes[waiting],
        songs.number(requests.keys[waiting]),
    )
    took = numpy.array(network.tiers)[answered[waiting]]
    tiers: Floats = numpy.zeros(count)
    if way == "walk":
        times = 1 + (number == songs.PRESENTATION)
        tiers = numpy.asarray(numpy.bincount(stream, took * times, minlength=count), numpy.float64)
        size, at_last = size * times, number >= songs.SEGMENTS
    else:
        numpy.maximum.at(tiers, stream, took)
        at_last = numpy.ones(len(stream), numpy.bool_)
    before = numpy.full(count, float(WORDS)) + _each(stream, size * ~at_last, count)
    last = _each(stream, size * at_last, count)
    trips = numpy.full(count, _TRIPS[way])
    api = numpy.full(count, network.api)
    if bundles is not None:
        trips = trips - bundles.whole
        last = last + numpy.where(bundles.whole, bundles.bytes, 0)
        before = before * ~bundles.whole
        api = api + bundles.waited
    exchange = numpy.where(
        cold & (trips == 1),
        model.first_exchange_ms(last, rtt, kbits, kbits, model.FULL),
        model.exchange_ms(last, rtt, kbits, kbits),
    )
    handshakes = cold * model.connect_ms(rtt, kbits, kbits, model.FULL)
    return numpy.asarray(
        handshakes + rtt * (trips - 1) + before * 8 / kbits + exchange + api + tiers, numpy.float64
    )


def _each(stream: Ints, size: Ints, count: int) -> Floats:
    """Bytes of each stream."""
    return numpy.bincount(stream, size, minlength=count).astype(numpy.float64)


def histogram(times: Floats) -> Ints:
    """How many lie in each bin of `EDGES_MS`; the last takes what is beyond."""
    counts, _ = numpy.histogram(numpy.minimum(times, EDGES_MS[-1]), EDGES_MS)
    return counts


def quantile(counts: Floats, share: float) -> float:
    """In ms, from a histogram over `EDGES_MS`, even inside a bin; 0 for an empty one."""
    total = numpy.concatenate([[0.0], numpy.cumsum(counts)])
    return float(numpy.interp(share * total[-1], total, EDGES_MS)) if total[-1] else 0.0
