"""Rendezvous hashing: everybody agrees, shares are fair, and only a share moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sim.edge.upstreams.hashing import order

PATHS = [f"songs/{number}/0123456789abcdef/audio/normal/00001.m4s" for number in range(400)]
SERVERS = [f"http://10.0.0.{number}:8081" for number in range(1, 10)]
tiers = st.lists(st.sampled_from(SERVERS), min_size=2, max_size=9, unique=True)


@settings(deadline=None)
@given(tiers, st.data())
def test_the_order_does_not_depend_on_the_order_in_which_servers_were_named(tier, data):
    shuffled = data.draw(st.permutations(tier))
    assert all(order(path, tier) == order(path, shuffled) for path in PATHS[:20])


@settings(deadline=None)
@given(tiers, st.data())
def test_without_one_server_its_paths_alone_move_each_to_the_second_in_its_order(tier, data):
    gone = data.draw(st.sampled_from(tier))
    left = [server for server in tier if server != gone]
    for path in PATHS:
        before = order(path, tier)
        before.remove(gone)
        assert order(path, left) == before


def test_each_server_has_its_share():
    shares = Counter(order(path, SERVERS[:4])[0] for path in PATHS)
    assert all(60 < shares[server] < 140 for server in SERVERS[:4])
