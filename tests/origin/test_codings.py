"""Manifests in the coding that a player likes best, each a representation of its own."""

from __future__ import annotations

import gzip
import importlib
from pathlib import Path
from typing import Any

import brotli
import pytest

from origin.codings import CODINGS, Manifests, choose, coded, is_text

V1 = "1111111111111111"
PATH = f"/songs/abc/{V1}/audio/normal/hls.m3u8"
TEXT = b"".join(b"#EXTINF:3.99601,\n%05d.m4s\n" % number for number in range(1, 80))


def unpacked(coding: str, body: bytes) -> bytes:
    if coding == "zstd":
        module = importlib.import_module("compression.zstd" if has("compression.zstd") else "backports.zstd")
        return bytes(module.decompress(body))
    return bytes({"br": brotli.decompress, "gzip": gzip.decompress}[coding](body))


def has(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("br;q=0, gzip;q=0, zstd;q=0", ""),
        ("*", "br"),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0", ""),
        ("br;q=0,*;q=0.5,zstd;q=0", "gzip"),
        ("gzip;q=0.4, identity;q=0.5", ""),
        ("gzip;q=0.5, identity;q=0.5", "gzip"),
        ("identity;q=0", ""),
        ("gzip;q=2", ""),
        ("gzip;q=0.1234", ""),
        ("gzip;q=", ""),
        ("gzip ; Q=0.9", "gzip"),
        (", ,gzip,,", "gzip"),
        ("compress, exi, pack200-gzip", ""),
        ("gzip" + ", x" * 10_000, "gzip"),
        ("x, " * 10_000 + "gzip", ""),
    ],
)
def test_the_choice(accepted: str, expected: str) -> None:
    assert choose(accepted) == expected


@pytest.fixture
def playlist(published: Any, folder: Path) -> bytes:
    (folder / PATH[1:]).write_bytes(TEXT)
    return TEXT


@pytest.mark.parametrize("coding", ["br", "gzip", "zstd"])
async def test_a_coded_manifest(origin: Any, playlist: bytes, coding: str) -> None:
    if coding not in CODINGS:
        pytest.skip(f"this Python has no {coding}")
    _, plain, whole = await origin.ask(PATH, Accept_Encoding="identity")
    assert whole == playlist
    assert "Content-Encoding" not in plain
    status, headers, body = await origin.ask(PATH, Accept_Encoding=coding)
    assert (status, headers["Content-Encoding"], headers["Vary"], plain["Vary"]) == (
        200,
        coding,
        "Accept-Encoding",
        "Accept-Encoding",
    )
    assert unpacked(coding, body) == playlist
    assert len(body) < len(playlist) // 3
    assert headers["Content-Length"] == str(len(body))
    assert headers["ETag"] == f'{plain["ETag"][:-1]}-{coding}"'
    # It is a representation of its own: conditions and ranges speak of its bytes (RFC 9110 §8.8.3.3, §14.2).
    assert (await origin.ask(PATH, Accept_Encoding=coding, If_None_Match=headers["ETag"]))[0] == 304
    assert (await origin.ask(PATH, Accept_Encoding=coding, If_None_Match=plain["ETag"]))[0] == 200
    assert (await origin.ask(PATH, Accept_Encoding="identity", If_None_Match=headers["ETag"]))[0] == 200
    status, part, some = await origin.ask(
        PATH, Accept_Encoding=coding, Range="bytes=3-9", If_Range=headers["ETag"]
    )
    assert (status, some, part["Content-Encoding"]) == (206, body[3:10], coding)
    status, of_head, nothing = await origin.ask(PATH, method="HEAD", Accept_Encoding=coding)
    assert (status, nothing, of_head["Content-Length"]) == (200, b"", str(len(body)))


async def test_what_varies_and_what_does_not(origin: Any, playlist: bytes) -> None:
    status, headers, _ = await origin.ask(PATH, If_None_Match="*")
    assert (status, headers["Vary"]) == (304, "Accept-Encoding")
    for path in (f"/songs/abc/{V1}/audio/normal/00001.m4s", "/songs/abc/current.json"):
        _, headers, _ = await origin.ask(path, Accept_Encoding="br, gzip")
        assert "Vary" not in headers
        assert "Content-Encoding" not in headers
    _, headers, body = await origin.ask(f"/songs/abc/{V1}/hls.m3u8", Accept_Encoding="br")
    assert ("Content-Encoding" in headers, body) == (False, b"#EXTM3U")  # so short that no coding helps


async def test_a_manifest_is_read_once_and_coded_once(origin: Any, playlist: bytes) -> None:
    said = [
        (await origin.ask(PATH, Accept_Encoding=coding))[1]["Cache-Status"]
        for coding in ("br", "gzip", "", "br")
    ]
    assert said == ["tonearm-origin; fwd=uri-miss; stored", *["tonearm-origin; hit"] * 3]
    assert await origin.counted("store_reads_total") == 1


async def test_memory_for_manifests_is_bounded(published: Any, playlist: bytes) -> None:
    info = await published.head(PATH[1:])
    assert is_text(info)
    manifests = Manifests(budget=2500)
    manifests.keep(info, "", bytes(1000))
    manifests.keep(info, "gzip", bytes(1000))
    assert manifests.get(info) is not None
    manifests.keep(info, "br", bytes(1000))  # too much: the one used least lately goes
    assert (manifests.size, manifests.get(info, "gzip")) == (2000, None)
    assert manifests.get(info) is not None
    manifests.keep(info, "br", bytes(10))
    assert manifests.size == 1010
    assert coded(info, "", b"") is info
