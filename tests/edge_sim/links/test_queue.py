"""One direction of a link, under a clock that the test turns."""

from __future__ import annotations

import random
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sim.links import NETWORKS, Network
from edge_sim.links.queue import Queue
from edge_sim.links.wire import change, queues
from media.errors import SettingsError

MS = 1_000_000
# Gaps between packets in ns, and their sizes
TRAFFIC = st.lists(st.tuples(st.integers(0, 20 * MS), st.integers(20, 1500)), max_size=60)


def sent(
    queue: Queue, traffic: list[tuple[int, int]]
) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]]:
    """What was put and when, and what arrived and when; every packet is another."""
    now, put, arrived = 0, [], []
    for number, (gap, size) in enumerate(traffic):
        now += gap
        packet = number.to_bytes(2, "big").ljust(size, b"\0")
        put.append((now, packet))
        queue.put(now, packet)
    while (due := queue.due) is not None:
        assert queue.take(due - 1) == []
        arrived += [(due, packet) for packet in queue.take(due)]
    return put, arrived


def test_a_packet_takes_its_time_at_the_rate_and_then_the_delay() -> None:
    queue = Queue(delay_ns=25 * MS, kbits=5_000, limit=100_000)
    queue.put(0, bytes(1500))
    queue.put(0, bytes(500))  # waits for the first
    queue.put(100 * MS, bytes(1500))  # finds the link idle
    assert queue.take(27_400_000 - 1) == []  # 12,000 bits at 5 Mbit/s are 2.4 ms
    assert queue.take(27_400_000) == [bytes(1500)]
    assert queue.take(28_200_000) == [bytes(500)]
    assert queue.due == 127_400_000


@given(TRAFFIC, st.integers(64, 100_000), st.integers(0, 5 * MS))
def test_order_is_kept_and_nothing_comes_before_rate_and_delay_allow(
    traffic: list[tuple[int, int]], kbits: int, jitter_ns: int
) -> None:
    queue = Queue(delay_ns=MS, kbits=kbits, limit=10_000_000, jitter_ns=jitter_ns)
    put, arrived = sent(queue, traffic)
    assert [packet for _, packet in arrived] == [packet for _, packet in put]
    free = 0
    for (start, packet), (stop, _) in zip(put, arrived, strict=True):
        free = max(free, start) + len(packet) * 8 * MS // kbits
        assert stop >= free + MS
        if not jitter_ns:
            assert stop == free + MS


@given(TRAFFIC, st.integers(1500, 20_000), st.integers(64, 2_000))
def test_what_waits_is_never_more_than_the_limit(
    traffic: list[tuple[int, int]], limit: int, kbits: int
) -> None:
    queue = Queue(delay_ns=0, kbits=kbits, limit=limit)
    put, arrived = sent(queue, traffic)
    assert queue.carried == len(arrived)
    assert queue.carried + queue.dropped == len(put)
    came = {packet: at for at, packet in arrived}
    for at, packet in put:
        if packet in came:  # all that was there and had not arrived, this one included
            there = [
                each for begin, each in put if begin <= at and came.get(each, -1) > at and each <= packet
            ]
            # What is half out of the door counts whole here: one packet of grace
            assert sum(map(len, there)) <= limit + 1500


def test_a_full_queue_drops_what_comes_last() -> None:
    queue = Queue(delay_ns=0, kbits=1_000, limit=3_000)
    for number in range(4):
        queue.put(0, bytes([number]) * 1500)
    assert queue.dropped == 2
    assert [packet[0] for packet in queue.take(24 * MS)] == [0, 1]
    queue.put(24 * MS, b"room again")
    assert queue.carried == 3


@given(st.integers(0, 1000))
def test_chance_is_the_seeds(seed: int) -> None:
    def survivors() -> list[bytes]:
        queue = Queue(0, 1_000, 10_000_000, loss=0.3, random=random.Random(seed))
        return [packet for _, packet in sent(queue, [(MS, 100)] * 50)[1]]

    assert survivors() == survivors()


def test_so_many_are_lost() -> None:
    queue = Queue(0, 1_000_000, 10_000_000, loss=0.02)
    for number in range(20_000):
        queue.put(number * MS, bytes(100))
    assert 320 < queue.lost < 480
    assert queue.lost + queue.carried == 20_000


def test_a_link_has_two_ways_of_its_own_and_can_change() -> None:
    there, back = queues(as_settings(Network(rtt_ms=50, kbits=5_000, up_kbits=1_000, loss=0.01)), seed=3)
    assert (there.delay_ns, there.kbits) == (25 * MS, 1_000)
    assert (back.delay_ns, back.kbits) == (25 * MS, 5_000)
    assert there.random.random() != back.random.random()
    back.put(0, bytes(1500))
    change(as_settings(Network(rtt_ms=100, kbits=500)), there, back)
    assert back.due == 27_400_000  # what is on its way stays as it was
    assert (there.kbits, back.kbits, back.delay_ns, back.loss) == (500, 500, 50 * MS, 0)


def as_settings(network: Network) -> dict[str, object]:
    return asdict(network)


@pytest.mark.parametrize(
    "values", [{"kbits": 0}, {"rtt_ms": -1}, {"loss": 1.0}, {"queue_bytes": 1000}, {"up_kbits": -1}]
)
def test_networks_that_cannot_be(values: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        Network(**({"rtt_ms": 10, "kbits": 100} | values))  # type: ignore[arg-type]


def test_networks_say_what_they_are() -> None:
    assert str(NETWORKS["3g"]) == "RTT 300 ms, 1.6/0.768 Mbit/s"
    assert str(NETWORKS["lossy"]) == "RTT 190 ms, 0.9/0.2 Mbit/s, 0.01 lost"
