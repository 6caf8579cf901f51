"""Whatever happens in whatever order: the memory keeps its budget, and policy and memory agree on who is in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.objects import Missing
from edge_sim.policies import NAMES, policy
from edge_sim.policies.gdsf import Gdsf
from edge_sim.policies.sieve import Sieve

KEYS = st.sampled_from("abcdefghij")
STEPS = st.lists(
    st.tuples(st.just("put"), KEYS, st.integers(1, 60))
    | st.tuples(st.just("get"), KEYS, st.just(0))
    | st.tuples(st.just("remove"), KEYS, st.just(0)),
    max_size=80,
)


@pytest.mark.parametrize("name", NAMES)
@given(steps=STEPS)
def test_budget_and_contents(name, steps):
    chosen = policy(name, 100)
    cache = MemoryCache(100, chosen)
    inside: dict[str, int] = {}
    for verb, key, size in steps:
        if verb == "put":
            kept = cache.put(key, Missing(0, size))
            inside = {other: held for other, held in inside.items() if cache.get(other) is not None}
            inside.pop(key, None)
            if kept:
                inside[key] = size
        elif verb == "get":
            assert (cache.get(key) is not None) == (key in inside)
        else:
            cache.remove(key)
            inside.pop(key, None)
        assert cache.used == sum(inside.values()) <= cache.budget
        assert len(cache) == len(inside)
    # What the policy holds is what the memory holds: it gives out each key exactly once. A newcomer of no bytes is never
    # refused.
    given_out: list[str] = []
    while len(given_out) < len(inside):
        given_out += chosen.evict("newcomer", 0)
    assert sorted(given_out) == sorted(inside)


@given(st.lists(st.sampled_from("abcdef"), max_size=200))
def test_sieve_against_its_definition(trace):
    """The queue as a list, newest first, as the paper's figure shows it."""
    sieve: Sieve[str] = Sieve()
    queue: list[list] = []  # [key, used]
    hand = 0  # index from the old end
    for key in trace:
        found = [each for each in queue if each[0] == key]
        if found:
            sieve.hit(key)
            found[0][1] = True
            continue
        if len(queue) == 3:
            hand = hand if hand < len(queue) else 0
            while queue[hand][1]:
                queue[hand][1] = False
                hand = (hand + 1) % len(queue)
            assert sieve.evict(key, 1) == (queue.pop(hand)[0],)
            if hand == len(queue):
                hand += 1  # past the newest: from the oldest again, whoever comes in now
        sieve.add(key, 1)
        queue.append([key, False])


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 9)), max_size=200))
def test_gdsf_against_a_list_that_is_sorted_every_time(trace):
    gdsf: Gdsf[str] = Gdsf()
    rows: dict[str, list] = {}  # worth, last use, uses, size
    level = 0.0
    for now, (key, size) in enumerate(trace):
        if key in rows:
            gdsf.hit(key)
            row = rows[key]
            row[1], row[2] = now, row[2] + 1
            row[0] = level + row[2] * 1e6 / row[3]
            continue
        offer, refused = level + 1e6 / size, False
        while sum(row[3] for row in rows.values()) + size > 20:
            first = min(rows, key=lambda each: rows[each][:2])
            refused = rows[first][0] > offer
            level = offer if refused else rows[first][0]
            assert gdsf.evict(key, size) == (() if refused else (first,))
            if refused:
                break
            del rows[first]
        if not refused:
            gdsf.add(key, size)
            rows[key] = [offer, now, 1, size]
