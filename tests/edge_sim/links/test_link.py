"""A real link: sockets and processes at both ends, and nothing left when it is gone."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from edge_sim.links import Link, Network
from media.errors import SettingsError

pytestmark = pytest.mark.usefixtures("links")

HOLD = """
import sys
from edge_sim.links import Link, Network
with Link(Network(rtt_ms=1, kbits=1000)) as link:
    print(link._wire.pid, flush=True)
    sys.stdin.read()
"""


def transfer(link: Link, size: int) -> tuple[bytes, int]:
    """So many bytes from far to near over a new connection, and how long that took in ns."""
    with link.far.listen() as listening:

        def serve() -> None:
            accepted, _ = listening.accept()
            with accepted:
                accepted.sendall(os.urandom(1) * size)

        server = threading.Thread(target=serve)
        server.start()
        begin = time.monotonic_ns()
        with link.near.tcp() as connection:
            connection.settimeout(30)
            connection.connect(listening.getsockname())
            received = bytearray()
            while part := connection.recv(1 << 20):
                received += part
        took = time.monotonic_ns() - begin
        server.join()
    return bytes(received), took


def test_bytes_arrive_and_never_sooner_than_round_trip_and_rate_allow() -> None:
    with Link(Network(rtt_ms=20, kbits=8_000)) as link:
        received, took = transfer(link, 100_000)
        assert len(received) == 100_000
        assert len(set(received)) == 1
        # The handshake, half a round trip, and a byte a microsecond
        assert took > 20_000_000 + 10_000_000 + 100_000_000
    assert link.counts["down"]["carried"] > 100_000 // 1460
    assert link.counts["up"]["lost"] == link.counts["down"]["dropped"] == 0


def test_what_is_lost_is_sent_again() -> None:
    with Link(Network(rtt_ms=2, kbits=50_000, loss=0.05), seed=5) as link:
        received, _ = transfer(link, 300_000)
        assert len(received) == 300_000
    assert link.counts["down"]["lost"] > 0


def test_a_link_changes_while_it_runs() -> None:
    with Link(Network(rtt_ms=1, kbits=100_000)) as link:
        link.change(Network(rtt_ms=1, kbits=1_000))
        _, took = transfer(link, 50_000)
        assert took > 300_000_000  # 400 ms at the new rate, less what came before it was read


def test_processes_live_at_their_end_and_see_nothing_else() -> None:
    addresses = "import socket; print([name for _, name in socket.if_nameindex()])"
    with Link(Network(rtt_ms=1, kbits=1_000)) as link:
        for place in (link.near, link.far):
            process = place.popen([sys.executable, "-c", addresses], stdout=subprocess.PIPE, text=True)
            said, _ = process.communicate(timeout=30)
            assert sorted(eval(said)) == ["link", "lo"]
    assert "link" not in [name for _, name in socket.if_nameindex()]


async def test_it_opens_in_an_event_loop_too() -> None:
    async with Link(Network(rtt_ms=1, kbits=1_000)) as link:
        assert link.far.address != link.near.address
    assert set(link.counts) == {"up", "down"}


def test_killed_its_owner_leaves_nothing_behind() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        wire = os.pidfd_open(int(owner.stdout.readline()))
        owner.send_signal(signal.SIGKILL)
        ended, _, _ = select.select([wire], [], [], 20)
        os.close(wire)
        assert ended


def test_congestion_control_that_is_not_there_is_one_line() -> None:
    with (
        pytest.raises(SettingsError, match=r"^link: .*tcp_congestion_control"),
        Link(Network(rtt_ms=1, kbits=1_000), congestion="telepathy"),
    ):
        pass
