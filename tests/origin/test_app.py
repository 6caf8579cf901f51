"""Conversations with a real origin over a real socket."""

from __future__ import annotations

import hashlib
import json
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDictProxy

from media.layout import IMMUTABLE, MUTABLE

V1 = "1111111111111111"
FOLDER = f"/songs/abc/{V1}"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"
BODY = bytes(range(256)) * 4096


def stable(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """All headers but those that differ from answer to answer."""
    volatile = {"date", "x-request-id", "server-timing", "cache-status", "cmsd-dynamic"}
    return {name.lower(): value for name, value in headers.items() if name.lower() not in volatile}


@pytest.mark.parametrize(
    ("path", "media_type", "cache_control"),
    [
        (f"{FOLDER}/hls.m3u8", "application/vnd.apple.mpegurl", IMMUTABLE),
        (f"{FOLDER}/dash.mpd", "application/dash+xml", IMMUTABLE),
        (f"{FOLDER}/audio/low/init.mp4", "audio/mp4", IMMUTABLE),
        (SEGMENT, "audio/mp4", IMMUTABLE),
        (f"{FOLDER}/public/peaks.json", "application/json", IMMUTABLE),
        ("/songs/abc/current.json", "application/json", MUTABLE),
    ],
)
async def test_an_object_and_its_headers(
    origin: Any, folder: Path, path: str, media_type: str, cache_control: str
) -> None:
    body = (folder / path[1:]).read_bytes()
    status, headers, got = await origin.ask(path)
    assert (status, got) == (200, body)
    assert headers["Content-Type"] == media_type
    assert headers["Cache-Control"] == cache_control
    assert headers["Content-Length"] == str(len(body))
    assert headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Last-Modified"].endswith(" GMT")
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "find;dur=" in headers["Server-Timing"]
    assert "read;dur=" in headers["Server-Timing"]


@pytest.mark.parametrize("path", [SEGMENT, f"{FOLDER}/hls.m3u8", "/songs/abc/current.json", "/songs/none"])
async def test_head_has_the_headers_of_get_and_no_body(origin: Any, path: str) -> None:
    _, of_get, _ = await origin.ask(path)
    status, of_head, body = await origin.ask(path, method="HEAD")
    assert status == (404 if path.endswith("none") else 200)
    assert body == b""
    assert stable(of_head) == stable(of_get)


@pytest.mark.parametrize(
    ("header", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-1099", 100, 1100),
        ("bytes=262000-525000", 262_000, 525_001),
        ("bytes=1048000-", 1_048_000, 1 << 20),
        ("bytes=-500", (1 << 20) - 500, 1 << 20),
        ("bytes=0-9999999", 0, 1 << 20),
        ("bytes=10-19,15-29", 10, 30),
    ],
)
async def test_one_range(origin: Any, header: str, start: int, stop: int) -> None:
    status, headers, body = await origin.ask(SEGMENT, Range=header)
    assert status == 206
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
    assert headers["Content-Length"] == str(stop - start)
    assert headers["Content-Type"] == "audio/mp4"
    assert headers["Cache-Control"] == IMMUTABLE
    assert body == BODY[start:stop]


async def test_several_ranges(origin: Any) -> None:
    spans = [(700_000, 1_000_000), (0, 10), (1_048_575, 1_048_576)]
    asked = "bytes=700000-999999, 0-9, -1"
    status, headers, body = await origin.ask(SEGMENT, Range=asked)
    assert status == 206
    assert "Content-Range" not in headers
    assert headers["Content-Length"] == str(len(body))
    message = message_from_bytes(
        b"Content-Type: " + headers["Content-Type"].encode() + b"\r\n\r\n" + body, policy=HTTP
    )
    parts: list[Any] = list(message.iter_parts())
    assert [part["Content-Range"] for part in parts] == [
        f"bytes {start}-{stop - 1}/{len(BODY)}" for start, stop in spans
    ]
    assert [part.get_content_type() for part in parts] == ["audio/mp4"] * 3
    assert body.count(BODY[700_000:1_000_000]) == 1
    again = await origin.ask(SEGMENT, Range=asked)
    assert (again[1]["Content-Type"], again[2]) == (headers["Content-Type"], body)


async def test_a_range_that_lies_outside(origin: Any) -> None:
    status, headers, body = await origin.ask(SEGMENT, Range="bytes=1048576-")
    assert status == 416
    assert headers["Content-Range"] == "bytes */1048576"
    assert headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["status"] == 416


@pytest.mark.parametrize("header", ["bytes=9-5", "items=0-5", "bytes=" + ",".join(["0-"] * 1000), "bytes=x"])
async def test_a_range_that_does_not_count(origin: Any, header: str) -> None:
    status, headers, body = await origin.ask(SEGMENT, Range=header)
    assert (status, len(body)) == (200, len(BODY))
    assert "Content-Range" not in headers


async def test_ranges_are_for_get(origin: Any) -> None:
    status, headers, _ = await origin.ask(SEGMENT, method="HEAD", Range="bytes=0-9")
    assert (status, headers["Content-Length"]) == (200, str(len(BODY)))


async def test_a_validated_answer_needs_no_body(origin: Any) -> None:
    _, first, _ = await origin.ask(SEGMENT)
    for condition in (
        {"If_None_Match": first["ETag"]},
        {"If_None_Match": f'"other", W/{first["ETag"]}'},
        {"If_Modified_Since": first["Last-Modified"]},
    ):
        for method in ("GET", "HEAD"):
            status, headers, body = await origin.ask(SEGMENT, method=method, Range="bytes=0-9", **condition)
            assert (status, body) == (304, b"")
            assert headers["ETag"] == first["ETag"]
            assert headers["Cache-Control"] == IMMUTABLE
            assert "Content-Range" not in headers
            assert "Content-Type" not in headers
    status, _, body = await origin.ask(SEGMENT, If_None_Match='"other"')
    assert (status, len(body)) == (200, len(BODY))


async def test_a_precondition_that_fails(origin: Any) -> None:
    for condition in ({"If_Match": '"other"'}, {"If_Unmodified_Since": "Sun, 06 Nov 1994 08:49:37 GMT"}):
        status, headers, body = await origin.ask(SEGMENT, **condition)
        assert status == 412
        assert headers["Content-Type"] == "application/problem+json"
        assert json.loads(body)["type"].endswith("precondition-failed")


async def test_a_range_of_the_version_i_know_or_else_all_of_it(origin: Any) -> None:
    _, first, _ = await origin.ask(SEGMENT)
    for value, expected in (
        (first["ETag"], 206),
        (first["Last-Modified"], 206),
        ('"other"', 200),
        (f"W/{first['ETag']}", 200),
    ):
        status, _, body = await origin.ask(SEGMENT, Range="bytes=0-9", If_Range=value)
        assert status == expected
        assert len(body) == (10 if expected == 206 else len(BODY))


async def test_what_is_not_there(origin: Any) -> None:
    for path in ("/songs/none/current.json", f"{FOLDER}/audio", f"{FOLDER}/hls.m3u8/x", "/elsewhere"):
        status, headers, body = await origin.ask(path)
        assert status == 404
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Cache-Control"] == "no-store"
        assert json.loads(body)["status"] == 404


async def test_other_methods(origin: Any) -> None:
    status, headers, body = await origin.ask(SEGMENT, method="DELETE")
    assert (status, json.loads(body)["status"]) == (405, 405)
    assert "GET" in headers["Allow"]
    status, headers, _ = await origin.ask(
        SEGMENT, method="OPTIONS", Origin="https://player", Access_Control_Request_Method="GET"
    )
    assert status == 204
    assert "Range" in headers["Access-Control-Allow-Headers"]


async def test_metrics(origin: Any) -> None:
    for path in (SEGMENT, SEGMENT, f"{FOLDER}/hls.m3u8", f"{FOLDER}/dash.mpd", "/songs/abc/current.json"):
        await origin.ask(path)
    await origin.ask("/songs/none.m4s")
    await origin.ask(SEGMENT, Range="bytes=0-9")
    status, headers, body = await origin.ask("/metrics")
    lines = body.decode().splitlines()
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    for line in (
        'tonearm_origin_requests_total{kind="segment",status="200"} 2.0',
        'tonearm_origin_requests_total{kind="segment",status="206"} 1.0',
        'tonearm_origin_requests_total{kind="segment",status="404"} 1.0',
        'tonearm_origin_requests_total{kind="manifest",status="200"} 2.0',
        'tonearm_origin_requests_total{kind="other",status="200"} 1.0',
        'tonearm_origin_request_seconds_count{kind="segment"} 4.0',
    ):
        assert line in lines


async def test_a_client_that_leaves_early_harms_nobody(origin: Any) -> None:
    for _ in range(10):
        async with origin.session.get(SEGMENT) as answer:
            assert await answer.content.readexactly(10)
            answer.close()
    status, _, body = await origin.ask(SEGMENT)
    assert (status, len(body)) == (200, len(BODY))
