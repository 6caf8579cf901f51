"""The model by numbers that can be followed with a pencil. `tests/edge_sim/links/test_grid.py` holds it against real connections."""

from __future__ import annotations

import numpy
import pytest

from edge_sim.links import model

FAST = 1e9  # kbit/s: bytes take no time, only trips do


@pytest.mark.parametrize(
    ("packets", "trips"),
    [(1, 0), (10, 0), (11, 1), (30, 1), (31, 2), (70, 2), (71, 3), (150, 3), (151, 4)],
)
def test_flights_double(packets: int, trips: int) -> None:
    """10, 20, 40, 80: a fast link idles between them."""
    assert model.transfer_ms(packets * model.MSS, 50, FAST, FAST) == pytest.approx(50 * trips, abs=0.01)


@pytest.mark.parametrize(
    ("size", "ms"),
    [
        (1_448, 2.4),  # a whole packet of 1500 bytes at 5 Mbit/s
        (12_000, 19.95),  # 12,000 and nine times 52
        (34 * 1_448, 2 * (50 + 2.4 + 0.0832) + 4 * 2.4),  # the third flight's four packets come last
        (
            160_000,
            2 * (50 + 2.4 + 0.0832) + (160_000 + 111 * 52 - 45_000) * 8 / 5_000,
        ),  # then it never idles again
    ],
)
def test_the_rate_or_the_flights_whichever_is_later(size: int, ms: float) -> None:
    assert model.transfer_ms(size, 50, 5_000, 5_000) == pytest.approx(ms, abs=0.05)


def test_a_connection_that_has_carried_much_keeps_the_link_busy() -> None:
    assert model.transfer_ms(160_000, 50, 5_000, 5_000, window=123) == pytest.approx(265.2352)


def test_a_request_takes_a_round_trip_and_a_connection_another() -> None:
    assert model.exchange_ms(1_448, 50, 5_000, 5_000) == pytest.approx(50 + 302 * 8 / 5_000 + 2.4)
    assert model.connect_ms(50, FAST, FAST) == pytest.approx(50)
    assert model.connect_ms(50, FAST, FAST, model.FULL) == pytest.approx(100 + model.FULL.ms)
    assert model.connect_ms(50, FAST, FAST, model.RESUMED) == pytest.approx(100 + model.RESUMED.ms)


def test_tickets_take_their_part_of_the_first_window() -> None:
    """Nine packets fit behind one ticket, not behind two."""
    nine = 9 * model.MSS
    assert model.first_exchange_ms(nine, 50, FAST, FAST) == pytest.approx(50, abs=0.01)
    assert model.first_exchange_ms(nine, 50, FAST, FAST, model.RESUMED) == pytest.approx(50, abs=0.01)
    assert model.first_exchange_ms(nine, 50, FAST, FAST, model.FULL) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(("packets", "window"), [(1, 10), (5, 10), (8, 16), (10, 20), (34, 44), (113, 123)])
def test_windows_grow_by_what_they_carry(packets: int, window: int) -> None:
    assert model.grown(packets * model.MSS) == window


def test_arrays_are_as_good_as_numbers() -> None:
    sizes, rtts = numpy.array([3e3, 48e3, 160e3, 0.0]), numpy.array([10.0, 50.0, 20.0, 30.0])
    rates = numpy.array([1e3, 5e3, 1e5, 2e4])
    together = model.exchange_ms(sizes, rtts, rates, rates)
    one_by_one = [
        model.exchange_ms(*map(float, each)) for each in zip(sizes, rtts, rates, rates, strict=True)
    ]
    assert together == pytest.approx(one_by_one)
