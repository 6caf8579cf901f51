"""``tonearm origin --workers``: several processes on one port, and what happens when one of them, or all, are to go."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import cli
from media.ports import ObjectStore

V1 = "1111111111111111"
SEGMENT = f"/songs/abc/{V1}/audio/low/00001.m4s"
LARGE = f"/songs/abc/{V1}/audio/normal/00001.m4s"


@asynccontextmanager
async def running(folder: Path, *arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The parent process and the address that it announced; its workers end with it, whatever a test does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "origin", "--store", str(folder), "--port", "0", *arguments),
        cwd=Path(cli.__file__).parent,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stderr is not None
    try:
        line = (await process.stderr.readline()).decode()
        address = re.search(r"on (http://127\.0\.0\.1:\d+)/$", line.strip())
        assert address, line
        yield process, address[1]
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


def workers_of(pid: int) -> set[int]:
    return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


async def until(state: Callable[[], bool]) -> None:
    """Other processes tell nobody what they do; look until it is so (the test run's time limit ends it)."""
    while not state():
        await asyncio.sleep(0.01)


async def ask(address: str, path: str) -> tuple[int, bytes]:
    """On a connection of its own, so that the kernel chooses the worker."""
    async with (
        aiohttp.ClientSession(address, connector=aiohttp.TCPConnector(force_close=True)) as session,
        session.get(path) as answer,
    ):
        return answer.status, await answer.read()


async def segments(address: str) -> int:
    _, text = await ask(address, "/metrics")
    found = re.search(rb'requests_total\{kind="segment",status="200"\} (\d+)', text)
    return int(found[1]) if found else 0


async def counted(address: str, number: int) -> None:
    """An answer is counted just after it was sent."""
    while await segments(address) != number:
        pass


async def test_numbers_are_those_of_all_workers(published: ObjectStore, folder: Path) -> None:
    async with running(folder, "--workers", "3", "--no-access-log") as (process, address):
        assert len(workers_of(process.pid)) == 3
        for _ in range(60):
            assert (await ask(address, SEGMENT))[0] == 200
        await counted(address, 60)
        # Whichever worker answers, it knows of all sixty.
        for _ in range(10):
            _, text = await ask(address, "/metrics")
            assert b'tonearm_origin_requests_total{kind="segment",status="200"} 60.0' in text
            assert b'tonearm_origin_request_seconds_count{kind="segment"} 60.0' in text


async def test_a_worker_that_dies_is_started_anew(published: ObjectStore, folder: Path) -> None:
    async with running(folder, "--workers", "2", "--no-access-log") as (process, address):
        for _ in range(20):
            await ask(address, SEGMENT)
        await counted(address, 20)
        before = workers_of(process.pid)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        await until(lambda: victim not in workers_of(process.pid) and len(workers_of(process.pid)) == 2)
        assert process.stderr is not None
        said = json.loads(await process.stderr.readline())
        assert re.fullmatch(r"worker \d died \(signal SIGKILL\); it is started anew", said["message"])
        (fresh,) = workers_of(process.pid) - before
        await until(lambda: listening(fresh, int(address.rpartition(":")[2])))
        for _ in range(20):
            assert (await ask(address, SEGMENT))[0] == 200
        await counted(address, 40)  # a dead worker's numbers stay
        _, text = await ask(address, "/metrics")
        assert b"tonearm_origin_worker_restarts_total 1.0" in text


def listening(pid: int, port: int) -> bool:
    """Whether the process has a socket that listens on the port."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inodes = {
        line.split()[9]
        for line in table
        if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
    }
    own = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            own.add(os.readlink(link))
        except OSError:
            continue
    return any(f"socket:[{inode}]" in own for inode in inodes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_them_all_and_what_they_began_is_finished(
    published: ObjectStore, folder: Path, number: signal.Signals
) -> None:
    (folder / LARGE[1:]).write_bytes(bytes(32 << 20))
    async with running(folder, "--workers", "2", "--no-access-log") as (process, address):
        async with aiohttp.ClientSession(address) as session:
            answers = [await session.get(LARGE) for _ in range(4)]
            process.send_signal(number)
            for answer in answers:
                assert len(await answer.read()) == 32 << 20
        out, rest = await process.communicate()
        assert (process.returncode, out, rest) == (0, b"", b"")


async def test_workers_do_not_outlive_their_parent(published: ObjectStore, folder: Path) -> None:
    async with running(folder, "--workers", "2", "--no-access-log") as (process, address):
        process.kill()
        assert process.stderr is not None
        await process.stderr.read()  # ends when the last of them has closed it
        with pytest.raises(aiohttp.ClientConnectionError):
            await ask(address, "/healthz")


async def test_a_port_that_is_taken_is_one_line(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "origin", "--store", str(folder), "--workers", "2"),
            *("--port", str(taken.getsockname()[1])),
            cwd=Path(cli.__file__).parent,
            stderr=PIPE,
        )
        _, said = await process.communicate()
    assert process.returncode == 2
    assert b"cannot listen on 127.0.0.1:" in said
    assert b"Traceback" not in said


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_second_server_does_not_slip_in(published: ObjectStore, folder: Path, workers: str) -> None:
    """Workers share their port with each other, and with nobody else."""
    async with running(folder, "--workers", "2") as (_, address):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli", "origin", "--store", str(folder), "--workers", workers),
            *("--port", address.rpartition(":")[2]),
            cwd=Path(cli.__file__).parent,
            stderr=PIPE,
        )
        _, said = await process.communicate()
        assert process.returncode == 2
        assert b"address already in use" in said


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_while_it_drains_it_answers_and_says_goodbye(
    published: ObjectStore, folder: Path, workers: str
) -> None:
    """Connections that are open are still answered, told to close, and sent elsewhere by /readyz."""
    async with running(folder, "--workers", workers, "--drain", "30", "--no-access-log") as (
        process,
        address,
    ):
        port = int(address.rpartition(":")[2])
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]

        async def talk(number: int, path: str) -> bytes:
            reader, writer = streams[number]
            writer.write(f"GET {path} HTTP/1.1\r\nHost: o\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            assert length
            return head + await reader.readexactly(int(length[1]))

        for number in range(3):
            assert b"Connection: close" not in await talk(number, SEGMENT)
        process.send_signal(signal.SIGTERM)

        async def draining() -> bool:
            status, body = await ask(address, "/readyz")
            return status == 503 and b"draining" in body

        for _ in range(2 * int(workers)):  # each worker, likely
            while not await draining():
                pass
        last = [await talk(number, path) for number, path in enumerate((SEGMENT, SEGMENT, "/readyz"))]
        for answer in last[:2]:
            assert answer.startswith(b"HTTP/1.1 200")
            assert b"\r\nConnection: close\r\n" in answer
            assert answer.endswith(b"low 00001.m4s ")
        assert last[2].startswith(b"HTTP/1.1 503")
        for reader, writer in streams:
            assert await reader.read() == b""
            writer.close()
        assert await process.wait() == 0  # long before its half minute: nobody is left


async def test_the_access_log_has_every_answer_of_the_fast_path(published: ObjectStore, folder: Path) -> None:
    async with running(folder, "--workers", "1", "--drain", "0") as (process, address):
        async with aiohttp.ClientSession(address) as session:
            headers = {
                "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                "CMCD-Status": "bs",
                "CMCD-Object": 'br=160,com.example="\\""',
            }
            for number in range(50):
                async with session.get(
                    SEGMENT, headers={**headers, "X-Request-Id": f"request-{number:04d}"}
                ) as answer:
                    assert answer.headers["X-Request-Id"] == f"request-{number:04d}"
                    await answer.read()
            async with session.get("/metrics") as answer:
                text = await answer.read()
                quick = re.search(rb"tonearm_origin_quick_total (\d+)", text)
                assert b"tonearm_origin_cmcd_starved_total 50.0" in text
        assert quick is not None
        assert int(quick[1]) > 40
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
    lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    logged = {line["request_id"]: line for line in lines if line.get("path") == SEGMENT}
    assert set(logged) == {f"request-{number:04d}" for number in range(50)}
    assert len({tuple(sorted(line)) for line in logged.values()}) == 1  # both ways write the same fields
    one = logged["request-0049"]
    assert (one["status"], one["bytes"], one["remote"]) == (200, 420, "127.0.0.1")
    assert {json.dumps(line["cmcd"]) for line in logged.values()} == {'{"br": 160, "bs": true}'}
    assert one["trace"] == "0af7651916cd43dd8448eb211c80319c"
