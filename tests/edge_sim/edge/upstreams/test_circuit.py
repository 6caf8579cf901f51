"""A circuit and the budget of retries, by the numbers."""

from __future__ import annotations

import pytest

from edge_sim.edge.upstreams.budget import RetryBudget
from edge_sim.edge.upstreams.circuit import FAILURES, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, Circuit


@pytest.fixture
def circuit() -> Circuit:
    return Circuit()


def fail(circuit: Circuit, now_ms: int, times: int = FAILURES) -> None:
    for _ in range(times):
        circuit.begin()
        circuit.failed(now_ms)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not(circuit):
    fail(circuit, 0, FAILURES - 1)
    circuit.succeeded()
    fail(circuit, 0, FAILURES - 1)
    assert circuit.state(0) == "closed"
    fail(circuit, 0, 1)
    assert (circuit.state(0), circuit.ready(0)) == ("open", False)


def test_after_the_pause_one_may_try_and_its_success_closes(circuit):
    fail(circuit, 0)
    assert not circuit.ready(FIRST_PAUSE_MS - 1)
    assert circuit.ready(FIRST_PAUSE_MS)
    circuit.begin()
    assert not circuit.ready(FIRST_PAUSE_MS)
    circuit.succeeded()
    assert circuit.state(FIRST_PAUSE_MS) == "closed"
    fail(circuit, 0, FAILURES - 1)
    assert circuit.ready(0)


def test_each_failed_try_doubles_the_pause_up_to_the_longest(circuit):
    fail(circuit, now := 0)
    pauses = []
    for _ in range(7):
        pause = next(ms for ms in range(1000, 64_000, 1000) if circuit.ready(now + ms))
        pauses.append(pause)
        now += pause
        fail(circuit, now, 1)
    assert pauses == [1000, 2000, 4000, 8000, 16000, LONGEST_PAUSE_MS, LONGEST_PAUSE_MS]


def test_a_try_that_nobody_waited_for_leaves_the_place_to_the_next(circuit):
    fail(circuit, 0)
    circuit.begin()
    circuit.abandoned()
    assert circuit.ready(FIRST_PAUSE_MS)


def test_answers_to_what_was_asked_before_it_opened_prolong_nothing(circuit):
    fail(circuit, 0, FAILURES + 20)
    assert circuit.ready(FIRST_PAUSE_MS)


def test_a_good_check_ends_the_pause_but_closes_nothing(circuit):
    fail(circuit, 0)
    circuit.revive(10)
    assert circuit.state(10) == "half-open"
    fail(circuit, 10, 1)
    assert not circuit.ready(10 + 2 * FIRST_PAUSE_MS - 1)


def test_a_clock_that_is_put_back_does_not_prolong_the_pause(circuit):
    fail(circuit, 3_600_000)
    assert circuit.ready(0)


def test_a_tenth_of_the_requests_and_one_in_a_second_may_be_made_again(clock):
    budget = RetryBudget(clock)
    while budget.spend():
        pass
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(11)] == [True] * 10 + [False]
    clock.ms += 2_500
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    clock.ms -= 3_600_000
    assert not budget.spend()
    clock.ms += 1_000
    assert budget.spend()
