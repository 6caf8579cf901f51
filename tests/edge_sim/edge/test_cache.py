"""The memory keeps its budget, and the policy decides, whatever happens in whatever order."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.edge.cache import MemoryCache
from edge_sim.edge.objects import Missing
from edge_sim.policies import NAMES, policy
from edge_sim.policies.lru import Lru

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(
    st.tuples(st.just("put"), KEYS, st.integers(1, 60))
    | st.tuples(st.just("get"), KEYS, st.just(0))
    | st.tuples(st.just("remove"), KEYS, st.just(0)),
    max_size=60,
)


@given(STEPS)
def test_against_a_list_of_what_lru_means(steps):
    cache = MemoryCache(100, Lru())
    model: OrderedDict[str, int] = OrderedDict()
    evicted = 0
    for verb, key, size in steps:
        if verb == "put":
            assert cache.put(key, Missing(0, size))
            model.pop(key, None)
            while sum(model.values()) + size > 100:
                model.popitem(last=False)
                evicted += 1
            model[key] = size
        elif verb == "get":
            found = cache.get(key)
            assert (None if found is None else found.size) == model.get(key)
            if key in model:
                model.move_to_end(key)
        else:
            cache.remove(key)
            model.pop(key, None)
        assert (cache.used, len(cache), cache.evictions) == (sum(model.values()), len(model), evicted)
        assert cache.used <= cache.budget


def test_what_is_larger_than_everything_is_refused_and_the_old_one_forgotten():
    cache = MemoryCache(100, Lru())
    cache.put("a", Missing(0, 10))
    cache.put("b", Missing(0, 10))
    assert not cache.put("a", Missing(0, 101))
    assert cache.get("a") is None
    assert cache.get("b") is not None
    assert (cache.used, cache.evictions) == (10, 0)


def test_lru_takes_the_one_that_was_not_used_for_longest():
    policy = Lru()
    for key in "abc":
        policy.add(key, 1)
    policy.hit("a")
    policy.remove("b")
    assert [policy.evict("d", 1), policy.evict("d", 1)] == [("c",), ("a",)]
    with pytest.raises(KeyError):
        policy.evict("d", 1)


class TestPins:
    def test_what_is_pinned_stays_and_takes_a_tenth_at_most(self):
        cache = MemoryCache(100, Lru())
        for key in "ab":
            cache.put(key, Missing(0, 6))
        assert [cache.pin("a"), cache.pin("b"), cache.pin("c")] == [True, False, False]
        for number in range(100):
            assert cache.put(str(number), Missing(0, 30))
        assert cache.get("a") is not None
        assert cache.get("b") is None
        assert cache.used == 6 + 90

    @pytest.mark.parametrize("name", NAMES)
    def test_what_is_let_go_leaves_like_any_other(self, name):
        cache = MemoryCache(100, policy(name, 100))
        cache.put("a", Missing(0, 5))
        assert cache.pin("a")
        cache.unpin("a")
        for number in range(100):
            cache.put(str(number), Missing(0, 30))
            cache.get(str(number))
            cache.get(str(number))
        assert cache.used == sum(cache.peek(path).size for path in cache.paths()) <= 100
        cache.remove("a")

    def test_the_pinned_can_be_removed_and_replaced(self):
        cache = MemoryCache(100, Lru())
        for _ in range(3):
            cache.put("a", Missing(0, 10))
            assert cache.pin("a")
        cache.remove("a")
        assert (cache.used, len(cache)) == (0, 0)
        cache.put("b", Missing(0, 10))
        assert cache.pin("b")

    def test_a_newcomer_that_does_not_fit_beside_the_pinned_stays_outside(self):
        cache = MemoryCache(100, Lru())
        cache.put("a", Missing(0, 10))
        cache.pin("a")
        assert not cache.put("b", Missing(0, 95))
        assert (cache.used, cache.paths()) == (10, ["a"])
