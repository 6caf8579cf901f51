"""What the three servers share, over real connections: what a log may say, whatever a stranger sends."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web

from media.serving import access_log, application, listening

SECRET = "BQJrMQGiB3lkjfKb0CRUTNLBFHMzOWI1MTRiMGEwNjQ5NTdjZmJm"


async def told(port: int, request: bytes) -> bytes:
    """The whole answer to `request` as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def hello(request: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.mark.parametrize(
    "request_bytes",
    [
        f"GET /t/{SECRET}/x\xff HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1"),
        f"GET /t/{SECRET}/{'x' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SECRET}\x00\r\n\r\n".encode(),
    ],
)
async def test_a_request_that_is_no_http_is_one_line_without_its_bytes(
    request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with listening(application("test", [web.get("/", hello)]), "127.0.0.1", 0) as port:
        assert b" 400 " in await told(port, request_bytes)
    lines = [record for record in caplog.records if getattr(record, "status", 0) == 400]
    assert [(record.name, record.levelname) for record in lines] == [(access_log.name, "INFO")]
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    "path", ["/t/{}/songs/x", "//t/{}/songs/x", "/x/t/{}/keys/y", "/%74/{}/x", "/v1/shared/{}"]
)
async def test_no_path_brings_a_token_into_the_log(path: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    request = f"GET {path.format(SECRET)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    async with listening(application("test"), "127.0.0.1", 0) as port:
        assert b" 404 " in await told(port, request.encode())
    assert any(record.name == access_log.name for record in caplog.records)
    assert SECRET not in caplog.text + "".join(getattr(record, "path", "") for record in caplog.records)
