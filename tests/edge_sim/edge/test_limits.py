"""What one listener may ask: buckets by the numbers, households."""

from __future__ import annotations

import pytest

from edge_sim.edge import limits
from edge_sim.edge.limits import Limits, household
from media.errors import ApiError


def admits(limited: Limits, address: str) -> bool:
    peer = (address, 50_000)
    if not limited.allows(peer):
        with pytest.raises(ApiError):
            limited.check(address, peer)
        return False
    limited.check(address, peer)
    return True


def test_a_bucket_holds_four_seconds_worth_and_fills_again(clock):
    limited = Limits(clock, requests=5)
    assert [admits(limited, "a") for _ in range(21)] == [True] * 20 + [False]
    clock.ms += 399
    assert [admits(limited, "a") for _ in range(2)] == [True, False]
    clock.ms += 1
    assert [admits(limited, "a") for _ in range(2)] == [True, False]
    clock.ms += 3_600_000
    assert sum(admits(limited, "a") for _ in range(100)) == 20


def test_addresses_do_not_share_a_bucket(clock):
    limited = Limits(clock, requests=1)
    for _ in range(5):
        admits(limited, "a")
    assert admits(limited, "b")


@pytest.mark.parametrize(("rate", "wait"), [(1, "1"), (100, "1")])
def test_a_refusal_says_when_to_come_back(clock, rate, wait):
    limited = Limits(clock, requests=rate)
    while admits(limited, "a"):
        pass
    with pytest.raises(ApiError, match=f"more than {rate} requests") as refusal:
        limited.check("a", ("a", 50_000))
    assert (refusal.value.status, refusal.value.headers["Retry-After"]) == (429, wait)
    clock.ms += 1000 * int(wait)
    limited.check("a", ("a", 50_000))


def test_a_clock_that_is_put_back_locks_nobody_out(clock):
    limited = Limits(clock, requests=1)
    while admits(limited, "a"):
        pass
    clock.ms -= 3_600_000
    assert not admits(limited, "a")
    clock.ms += 1_000
    assert admits(limited, "a")


def test_the_table_forgets_who_has_not_asked_for_longest(clock, monkeypatch):
    monkeypatch.setattr(limits, "_MOST", 3)
    limited = Limits(clock, requests=1)
    for _ in range(5):
        admits(limited, "a")
    for other in "bc":
        admits(limited, other)
    assert not admits(limited, "a")
    for other in "def":
        admits(limited, other)
    assert admits(limited, "a")


def test_connections(clock):
    limited = Limits(clock, connections=2)
    first, second, third, other = ("a", 1), ("a", 2), ("a", 3), ("b", 1)
    for each in (first, second, third, other):
        limited.opened(each)
    assert [limited.allows(each) for each in (first, second, third, other)] == [True, True, False, True]
    with pytest.raises(ApiError, match="more than 2 connections"):
        limited.check("a", third)
    for each in (first, third):
        limited.closed(each)
    limited.opened(third)
    assert limited.allows(third)


def test_a_sibling_is_no_listener(clock):
    limited = Limits(clock, requests=1, connections=1)
    for _ in range(9):
        limited.opened("")
        limited.check("", "")
        assert limited.allows("")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2", True),
        ("nonsense:1", "nonsense:2", False),
    ],
)
def test_households(one, other, same):
    assert (household(one) == household(other)) == same
