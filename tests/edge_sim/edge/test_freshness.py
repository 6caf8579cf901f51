"""RFC 9111's rules, one line each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.edge.freshness import GRACE_MS, freshness, parse
from media.layout import IMMUTABLE, MUTABLE


@pytest.mark.parametrize(
    ("cache_control", "storable", "lifetime_s", "grace_ms"),
    [
        (IMMUTABLE, True, 31536000, GRACE_MS),
        (MUTABLE, True, 0, GRACE_MS),
        ("", True, 0, GRACE_MS),
        ("max-age=60", True, 60, GRACE_MS),
        ("MAX-AGE=60", True, 60, GRACE_MS),
        ('max-age="60"', True, 60, GRACE_MS),
        ("max-age=60, max-age=90", True, 60, GRACE_MS),
        ("max-age=-1", True, 0, GRACE_MS),
        ("max-age=soon", True, 0, GRACE_MS),
        ("max-age", True, 0, GRACE_MS),
        ("max-age=99999999999999999999999", True, 1 << 31, GRACE_MS),
        ("max-age=60, no-cache", True, 0, GRACE_MS),
        ("max-age=60, s-maxage=5", True, 5, 0),
        ("max-age=60, must-revalidate", True, 60, 0),
        ("max-age=60, proxy-revalidate", True, 60, 0),
        ("max-age=60, must-revalidate, stale-if-error=7", True, 60, 7000),
        ("no-store", False, 0, GRACE_MS),
        ("no-store, max-age=60", False, 60, GRACE_MS),
        ("private", False, 0, GRACE_MS),
        ('private="Set-Cookie", max-age=1', False, 1, GRACE_MS),
        ('ext="no-store, max-age=9", max-age=60', True, 60, GRACE_MS),
    ],
)
def test_cache_control(cache_control, storable, lifetime_s, grace_ms):
    rules = freshness(cache_control)
    assert (rules.storable, rules.lifetime_ms, rules.grace_ms) == (storable, lifetime_s * 1000, grace_ms)


@pytest.mark.parametrize(
    ("cache_control", "window_s"),
    [
        ("max-age=60", 0),
        ("max-age=60, stale-while-revalidate=30", 30),
        ("stale-while-revalidate=30", 30),
        ("s-maxage=60, stale-while-revalidate=30", 30),
        ("max-age=60, stale-while-revalidate=soon", 0),
        ("no-cache, stale-while-revalidate=30", 0),
        ("max-age=60, must-revalidate, stale-while-revalidate=30", 0),
        ("max-age=60, proxy-revalidate, stale-while-revalidate=30", 0),
    ],
)
def test_stale_while_revalidate(cache_control, window_s):
    assert freshness(cache_control).window_ms == window_s * 1000


def test_vary():
    assert freshness("max-age=1", "Accept-Encoding, Origin").storable
    assert not freshness("max-age=1", "*").storable


@given(st.text(max_size=200))
def test_any_text_has_a_meaning(text):
    rules = freshness(text)
    assert rules.lifetime_ms >= 0
    assert rules.window_ms >= 0
    assert rules.grace_ms >= 0


def test_long_nonsense_takes_no_time():
    parse("a" * 8000 + '="' + "\\" * 8000)
    parse(('"' * 4000) + (", a=" * 1000))
