"""Many connections, slow readers and floods, against the process as an operator runs it."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from media.ports import ObjectStore
from tests.origin.test_workers import ask, running, until

V1 = "1111111111111111"
SEGMENT = f"/songs/abc/{V1}/audio/low/00001.m4s"
LARGE = f"/songs/abc/{V1}/audio/normal/track.mp4"


def files_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def resident_kb(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


@pytest.fixture
async def server(published: ObjectStore, folder: Path) -> AsyncIterator[tuple[int, str]]:
    """A lone worker: its pid and address."""
    async with running(folder, "--workers", "1", "--no-access-log", "--drain", "0") as (process, address):
        yield process.pid, address


async def test_ten_thousand_idle_connections(server: tuple[int, str]) -> None:
    pid, address = server
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10_000, hard - 1_000)
    port = int(address.rpartition(":")[2])
    idle: list[socket.socket] = []
    await ask(address, SEGMENT)
    files, memory = files_of(pid), resident_kb(pid)
    try:
        for number in range(count):
            idle.append(socket.create_connection(("127.0.0.1", port)))
            if number % 500 == 0:
                assert (await ask(address, SEGMENT))[0] == 200
        # The connection that asked before may have been open when it was counted, and is closed now.
        await until(lambda: files_of(pid) >= files + count - 8)
        assert (await ask(address, SEGMENT))[0] == 200
        idle[0].sendall(f"GET {SEGMENT} HTTP/1.1\r\nHost: o\r\n\r\n".encode())
        assert idle[0].recv(12) == b"HTTP/1.1 200"
        assert resident_kb(pid) - memory < count * 32  # kB each
    finally:
        for each in idle:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await until(lambda: files_of(pid) <= files + 8)


async def test_slow_readers_cost_a_piece_each_and_stop_nobody(server: tuple[int, str], folder: Path) -> None:
    pid, address = server
    (folder / LARGE[1:]).write_bytes(bytes(48 << 20))
    port = int(address.rpartition(":")[2])
    await ask(address, SEGMENT)
    files, memory = files_of(pid), resident_kb(pid)
    slow = []
    try:
        for _ in range(40):
            each = socket.create_connection(("127.0.0.1", port))
            each.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: o\r\n\r\n".encode())
            slow.append(each)
        for each in slow:
            assert each.recv(12) == b"HTTP/1.1 200"
        for _ in range(20):
            assert (await ask(address, SEGMENT))[0] == 200
        assert resident_kb(pid) - memory < 40 * 3_000  # and not 40 × 48 MB
        _, text = await ask(address, "/metrics")
        assert b"tonearm_origin_store_busy 0.0" in text
    finally:
        for each in slow:
            each.close()
    await until(lambda: files_of(pid) <= files + 8)
    left = b'requests_total{kind="segment",status="499"} 40.0'
    while left not in (await ask(address, "/metrics"))[1]:
        pass


FLOODS = {
    "a field that does not end": b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000,
    "a field of a megabyte": b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "a line of a megabyte": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "ten thousand fields": b"GET / HTTP/1.1\r\n"
    + b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
    + b"\r\n",
    "a method of a megabyte": b"G" * 1_000_000,
    "no HTTP": bytes(range(256)) * 100,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_floods_are_refused_and_forgotten(server: tuple[int, str], flood: str) -> None:
    pid, address = server
    port = int(address.rpartition(":")[2])
    await ask(address, SEGMENT)
    files = files_of(pid)
    for _ in range(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer: Any = b""
        try:
            writer.write(FLOODS[flood])
            answer = await reader.read()
        except ConnectionError:
            pass  # it did not even listen to the end
        finally:
            writer.close()
        assert answer == b"" or answer.split()[1] == b"400"
        assert (await ask(address, SEGMENT))[0] == 200
    await until(lambda: files_of(pid) <= files + 2)


async def test_answers_that_do_not_fit_arrive_whole(server: tuple[int, str], folder: Path) -> None:
    """uvloop's transport takes over what the socket did not, and the next answers queue behind it."""
    _, address = server
    path = f"/songs/abc/{V1}/audio/low/00200.m4s"
    body = os.urandom(200_000)
    (folder / path[1:]).write_bytes(body)
    for _ in range(20):
        assert await ask(address, path) == (200, body)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", int(address.rpartition(":")[2])))
        for _ in range(30):  # 6 MB: more than the sockets hold
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: o\r\n\r\n".encode())
        with client.makefile("rb") as stream:
            for _ in range(30):
                assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
                while stream.readline() != b"\r\n":
                    pass
                assert stream.read(len(body)) == body
