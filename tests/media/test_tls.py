"""TLS of our servers: real handshakes with certificates that openssl makes."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from media.errors import SettingsError
from media.serving import application, listening
from media.tls import Tls
from tests.certificates import certified, trusting


async def name_of(port: int, context: ssl.SSLContext) -> str:
    """Whose certificate is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    shown = writer.get_extra_info("peercert")["subject"][0][0][1]
    writer.close()
    return str(shown)


async def test_an_answer_comes_over_tls_1_3(tmp_path: Path) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text=f"{request.scheme} {request.url.path}")

    certificate, key = certified(tmp_path, "one")
    app = application("test", [web.get("/a", hello)])
    async with listening(app, "127.0.0.1", 0, tls=Tls(certificate, key)) as port:
        context = trusting(certificate)
        context.set_alpn_protocols(["h2", "http/1.1"])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        shaken: ssl.SSLObject = writer.get_extra_info("ssl_object")
        assert (shaken.version(), shaken.selected_alpn_protocol()) == ("TLSv1.3", "http/1.1")
        writer.write(b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).endswith(b"\r\n\r\nhttps /a")
        writer.close()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.2"
        writer.close()


async def test_a_renewed_certificate_counts_and_a_broken_one_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0]
    certificate, key = certified(tmp_path, "one")
    other, other_key = certified(tmp_path, "two")
    context = trusting(certificate, other)
    async with listening(
        application("test"), "127.0.0.1", 0, tls=Tls(certificate, key, clock=lambda: now[0])
    ) as port:
        assert await name_of(port, context) == "one"
        key.write_bytes(other_key.read_bytes())
        now[0] += 1000
        assert await name_of(port, context) == "one"
        assert f"{key}: not the key of {certificate}; what was read before stays in force" in caplog.text
        certificate.write_bytes(other.read_bytes())
        now[0] += 999
        assert await name_of(port, context) == "one"
        now[0] += 1
        assert await name_of(port, context) == "two"


def test_files_that_are_none_are_refused_in_one_line(tmp_path: Path) -> None:
    certificate, key = certified(tmp_path, "one")
    _, other_key = certified(tmp_path, "two")
    locked, locked_key = certified(tmp_path, "locked", "-passout", "pass:secret")
    text = tmp_path / "text"
    text.write_text("hello\n")
    for given, said in (
        ((tmp_path / "none", key), "none: No such file or directory"),
        ((certificate, tmp_path), "Is a directory"),
        ((certificate, other_key), f"{other_key}: not the key of {certificate}"),
        ((text, key), "a certificate and its unencrypted key in PEM expected"),
        ((locked, locked_key), "a certificate and its unencrypted key in PEM expected"),
    ):
        with pytest.raises(SettingsError) as refused:
            Tls(*given)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)
