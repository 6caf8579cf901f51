"""Servers outside, listeners at the near end: what lies between is the link."""

from __future__ import annotations

import asyncio
import socket
import time

import aiohttp
import pytest
from aiohttp import web

from edge_sim.links import Link, Network
from edge_sim.links.relay import Relay

pytestmark = pytest.mark.usefixtures("links")

BODY = bytes(range(256)) * 400


@pytest.fixture
async def port():
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=await request.read() or BODY)

    application = web.Application()
    application.router.add_route("*", "/", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_both_ways_and_no_sooner_than_the_link_allows(port: int):
    async with Link(Network(rtt_ms=20, kbits=100_000)) as link:
        with Relay(link) as relay:
            connector = aiohttp.TCPConnector(socket_factory=relay.socket)
            async with aiohttp.ClientSession(connector=connector) as session:
                for host in ("127.0.0.1", "localhost"):
                    begin = time.monotonic()
                    async with session.get(f"http://{host}:{port}/") as answer:
                        assert await answer.read() == BODY
                    assert time.monotonic() - begin > 0.040  # a handshake and an exchange
                async with session.post(f"http://127.0.0.1:{port}/", data=BODY[::-1]) as answer:
                    assert await answer.read() == BODY[::-1]
    assert link.counts["down"]["carried"] > 3 * len(BODY) // 1448


async def test_a_server_that_is_not_there_breaks_the_connection(unused_tcp_port: int):
    async with Link(Network(rtt_ms=2, kbits=100_000)) as link:
        with Relay(link) as relay:
            connector = aiohttp.TCPConnector(socket_factory=relay.socket)
            async with aiohttp.ClientSession(connector=connector) as session:
                with pytest.raises(aiohttp.ClientConnectionError):
                    await session.get(f"http://127.0.0.1:{unused_tcp_port}/")


async def test_dropped_connections_end_and_new_ones_begin(port: int):
    loop = asyncio.get_running_loop()
    async with Link(Network(rtt_ms=2, kbits=100_000)) as link:
        with Relay(link) as relay:
            for _ in range(2):
                with relay.socket(
                    (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
                ) as connection:
                    connection.setblocking(False)
                    await loop.sock_connect(connection, ("127.0.0.1", port))
                    await loop.sock_sendall(connection, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    assert await loop.sock_recv(connection, 8) == b"HTTP/1.1"
                    await asyncio.to_thread(relay.drop)
                    while await loop.sock_recv(connection, 1 << 20):
                        pass  # what was on its way; then the end
