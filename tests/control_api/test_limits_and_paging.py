"""Token buckets and cursors, alone."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_api.limits import Buckets
from control_api.paging import decode, encode
from media.errors import ApiError


class Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


def takes(buckets: Buckets, key: str) -> bool:
    try:
        buckets.take(key)
    except ApiError as error:
        return error.status != 429 or int(error.headers["Retry-After"]) < 1
    return True


def test_a_bucket_gives_its_burst_and_then_one_a_refill() -> None:
    clock = Clock()
    buckets = Buckets(burst=3, refill_ms=100, clock=clock)
    assert [takes(buckets, "a") for _ in range(5)] == [True, True, True, False, False]
    assert takes(buckets, "b")  # another's is another
    clock.now = 99
    assert not takes(buckets, "a")
    clock.now = 100
    assert [takes(buckets, "a") for _ in range(2)] == [True, False]
    clock.now = 1_000_000
    assert [takes(buckets, "a") for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from("abc")), max_size=60))
def test_no_key_ever_takes_more_than_its_rate(steps: list[tuple[int, str]]) -> None:
    clock = Clock()
    buckets = Buckets(burst=4, refill_ms=100, clock=clock)
    taken: dict[str, list[int]] = {}
    for wait, key in steps:
        clock.now += wait
        if takes(buckets, key):
            taken.setdefault(key, []).append(clock.now)
    for times in taken.values():
        for first, start in enumerate(times):
            for last in range(first, len(times)):
                assert last - first + 1 <= 4 + (times[last] - start) // 100 + 1


def test_many_keys_cost_memory_for_the_most_recent_ones_only() -> None:
    clock = Clock()
    buckets = Buckets(burst=1, refill_ms=1_000, clock=clock, most=100)
    for number in range(1000):
        assert takes(buckets, str(number))
    assert len(buckets._full_at) == 100
    assert not takes(buckets, "999")
    clock.now = 1_000
    assert takes(buckets, "one more")
    assert len(buckets._full_at) == 1  # the others were full again


@given(st.text(), st.integers(-(2**53), 2**53), st.text())
def test_a_cursor_gives_back_its_key(first: str, second: int, third: str) -> None:
    first, third = (text.encode("utf-8", "replace").decode() for text in (first, third))
    assert decode(encode((first, second, third)), str, int, str) == (first, second, third)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "[]",
        '["a"]',
        '["a",1,2]',
        '[1,"a"]',
        '["a",true]',
        '["a",1.0]',
        '["a",null]',
        '{"a":1}',
        "[" * 900,
        '["\\ud800",1]',
        "null",
        "5",
    ],
)
def test_what_is_no_cursor_of_this_list(key: str) -> None:
    with pytest.raises(ApiError) as caught:
        decode(urlsafe_b64encode(key.encode()).decode(), str, int)
    assert caught.value.status == 422


@pytest.mark.parametrize(
    "cursor", ["A", "ä", "=", "%", "A" * 1999, urlsafe_b64encode(b'["a",' + b"9" * 60 + b"]").decode()]
)
def test_made_up_cursors(cursor: str) -> None:
    with pytest.raises(ApiError):
        decode(cursor, str, int)
