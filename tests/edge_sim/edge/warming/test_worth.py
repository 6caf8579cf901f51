"""That warming is worth something: a few listeners of the benchmark, with it and without."""

from __future__ import annotations

from benchmarks.warming import SEGMENTS, replay, trace
from edge_sim.edge.warming.warming import OFF, Settings


def test_a_trace_is_the_same_each_time_and_songs_are_heard_in_order():
    asks = trace(3, seed=1, minutes=6)
    assert asks == trace(3, seed=1, minutes=6)
    assert asks != trace(3, seed=2, minutes=6)
    assert [ask.at_ms for ask in asks] == sorted(ask.at_ms for ask in asks)
    assert any(ask.announced >= 0 for ask in asks)
    assert sum(ask.first for ask in asks) >= len(asks) / (SEGMENTS + 3)


async def test_listeners_wait_for_hardly_anything_and_the_origin_hears_hardly_more():
    asks = trace(3, seed=1, minutes=6)
    without = await replay("off", asks, 16 << 20, OFF)
    ahead = await replay("segments", asks, 16 << 20, Settings(2, False, 0))
    both = await replay("both", asks, 16 << 20, Settings(2, True, 0))
    assert without.hits / without.requests < 0.4 < 0.9 < ahead.hits / ahead.requests
    assert ahead.origin_requests <= 1.15 * without.origin_requests
    assert both.start_hits > ahead.start_hits
    assert both.warmed["useful"] > 0.9 * both.warmed["fetched"]
