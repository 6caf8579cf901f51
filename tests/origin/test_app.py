"""Conversations with a real origin over a real socket."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from multidict import CIMultiDictProxy

from media.errors import ObjectMissing, StoreUnavailable
from media.layout import IMMUTABLE, MUTABLE
from media.ports import ObjectInfo, ObjectStore
from media.serving import application, listening
from origin.app import routes
from origin.publish import publish

V1 = "1111111111111111"
FOLDER = f"/songs/abc/{V1}"
SEGMENT = f"{FOLDER}/audio/normal/00001.m4s"
BODY = bytes(range(256)) * 4096  # 1 MiB: several chunks


def stable(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    """All headers but those that differ from answer to answer."""
    volatile = {"date", "x-request-id", "server-timing"}
    return {name.lower(): value for name, value in headers.items() if name.lower() not in volatile}


class Origin:
    """A running origin: its port for raw sockets, a session for everything else."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.port = port
        self.session = session

    async def ask(
        self, path: str, *, method: str = "GET", **headers: str
    ) -> tuple[int, CIMultiDictProxy[str], bytes]:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.session.request(method, path, headers=fields) as answer:
            return answer.status, answer.headers, await answer.read()

    async def raw(self, target: bytes, method: bytes = b"GET") -> tuple[int, bytes]:
        """The status and body for a request target exactly as given."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(method + b" " + target + b" HTTP/1.1\r\nHost: origin\r\nConnection: close\r\n\r\n")
            answer = await reader.read()
        finally:
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body


async def served(store: ObjectStore) -> AsyncIterator[Origin]:
    async with (
        listening(application("origin", routes(store)), "127.0.0.1", 0) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as session,
    ):
        yield Origin(port, session)


@pytest.fixture
async def published(store: ObjectStore, objects: list[tuple[str, bytes]]) -> ObjectStore:
    objects = [(path, BODY if path == "audio/normal/00001.m4s" else body) for path, body in objects]
    await publish(store, song_id="abc", version=V1, objects=objects, clock=lambda: 1000)
    return store


@pytest.fixture
async def origin(published: ObjectStore) -> AsyncIterator[Origin]:
    async for running in served(published):
        yield running


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
    origin: Origin, folder: Path, path: str, media_type: str, cache_control: str
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
async def test_head_has_the_headers_of_get_and_no_body(origin: Origin, path: str) -> None:
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
async def test_one_range(origin: Origin, header: str, start: int, stop: int) -> None:
    status, headers, body = await origin.ask(SEGMENT, Range=header)
    assert status == 206
    assert headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
    assert headers["Content-Length"] == str(stop - start)
    assert headers["Content-Type"] == "audio/mp4"
    assert headers["Cache-Control"] == IMMUTABLE
    assert body == BODY[start:stop]


async def test_several_ranges(origin: Origin) -> None:
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


async def test_a_range_that_lies_outside(origin: Origin) -> None:
    status, headers, body = await origin.ask(SEGMENT, Range="bytes=1048576-")
    assert status == 416
    assert headers["Content-Range"] == "bytes */1048576"
    assert headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["status"] == 416


@pytest.mark.parametrize("header", ["bytes=9-5", "items=0-5", "bytes=" + ",".join(["0-"] * 1000), "bytes=x"])
async def test_a_range_that_does_not_count(origin: Origin, header: str) -> None:
    status, headers, body = await origin.ask(SEGMENT, Range=header)
    assert (status, len(body)) == (200, len(BODY))
    assert "Content-Range" not in headers


async def test_ranges_are_for_get(origin: Origin) -> None:
    status, headers, _ = await origin.ask(SEGMENT, method="HEAD", Range="bytes=0-9")
    assert (status, headers["Content-Length"]) == (200, str(len(BODY)))


async def test_a_validated_answer_needs_no_body(origin: Origin) -> None:
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


async def test_a_precondition_that_fails(origin: Origin) -> None:
    for condition in ({"If_Match": '"other"'}, {"If_Unmodified_Since": "Sun, 06 Nov 1994 08:49:37 GMT"}):
        status, headers, body = await origin.ask(SEGMENT, **condition)
        assert status == 412
        assert headers["Content-Type"] == "application/problem+json"
        assert json.loads(body)["type"].endswith("precondition-failed")


async def test_a_range_of_the_version_i_know_or_else_all_of_it(origin: Origin) -> None:
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


async def test_what_is_not_there(origin: Origin) -> None:
    for path in ("/songs/none/current.json", f"{FOLDER}/audio", f"{FOLDER}/hls.m3u8/x", "/elsewhere"):
        status, headers, body = await origin.ask(path)
        assert status == 404
        assert headers["Content-Type"] == "application/problem+json"
        assert headers["Cache-Control"] == "no-store"
        assert json.loads(body)["status"] == 404


async def test_other_methods(origin: Origin) -> None:
    status, headers, body = await origin.ask(SEGMENT, method="DELETE")
    assert (status, json.loads(body)["status"]) == (405, 405)
    assert "GET" in headers["Allow"]
    status, headers, _ = await origin.ask(
        SEGMENT, method="OPTIONS", Origin="https://player", Access_Control_Request_Method="GET"
    )
    assert status == 204
    assert "Range" in headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "target",
    [
        b"/songs/../outside/secret",
        b"/songs/../../outside/secret",
        b"/songs/abc/../../../outside/secret",
        b"/songs/./abc/current.json",
        b"/songs/abc/%2e%2e/abc/current.json",
        b"/songs/%2E%2E/%2e%2e/outside/secret",
        b"/songs/.%2e/x",
        b"/songs/..%2f..%2foutside%2fsecret",
        b"/songs/abc%2fcurrent.json",
        b"/songs/abc/..%5c..%5cx",
        b"/songs/abc\\current.json",
        b"/songs//abc/current.json",
        b"/songs/abc//current.json",
        b"/songs/abc/",
        b"/songs/%00",
        b"/songs/abc/current.json%00.m4s",
        b"/songs/abc/%0d%0aX:y",
        b"/songs/%c0%ae%c0%ae/x",
        b"/songs/%c0%af",
        b"/songs/%e0%80%af",
        b"/songs/%ed%a0%80",
        b"/songs/%ff",
        b"/songs/%",
        b"/songs/%2",
        b"/songs/%zz",
        b"/songs/.tonearm-lock",
        b"/songs/" + b"a" * 300,
        b"http://origin/songs/../outside/secret",
        b"/%73ongs/%2e%2e/outside/secret",
    ],
)
async def test_paths_that_mean_something_else_than_they_say(
    origin: Origin, tmp_path: Path, target: bytes
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("nobody reads this")
    status, body = await origin.raw(target)
    assert status in (400, 404)
    assert json.loads(body)["status"] == status
    assert b"nobody reads this" not in body


@pytest.mark.parametrize(
    "target",
    [b"/songs/\0", b"/songs/a b", b"/songs/\xc3\xa9", b"/songs/\xff", b"songs/abc/current.json", b"", b"*"],
)
async def test_requests_that_are_not_http(origin: Origin, target: bytes) -> None:
    status, body = await origin.raw(target)
    assert status == 400
    assert b"version" not in body


async def test_the_same_path_in_other_words(origin: Origin) -> None:
    """Escapes of unreserved characters, a query, and the absolute form (RFC 3986 §6.2.2.2, RFC 9112 §3.2.2)."""
    for target in (
        b"/songs/abc/current%2Ejson",
        b"/songs/%61bc/current.json?x=/../y",
        b"http://origin/songs/abc/current.json",
        b"/%73ongs/abc/current.json",
    ):
        status, body = await origin.raw(target)
        assert (status, json.loads(body)["version"]) == (200, V1)


async def test_links_out_of_the_store(origin: Origin, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.m4s").write_text("secret")
    (folder / "songs" / "abc" / "out").symlink_to(tmp_path)
    (folder / "songs" / "abc" / "out.m4s").symlink_to(tmp_path / "secret.m4s")
    for path in ("/songs/abc/out/secret.m4s", "/songs/abc/out.m4s"):
        status, _, body = await origin.ask(path)
        assert (status, json.loads(body)["status"]) == (404, 404)


async def test_a_reader_hammers_while_versions_are_published(
    store: ObjectStore, objects: list[tuple[str, bytes]]
) -> None:
    """The pointer's ETag, length and bytes always belong together, and all that it names is there."""
    done = asyncio.Event()
    seen: set[str] = set()

    async def hammer(origin: Origin) -> None:
        etag = '""'
        while not done.is_set():
            status, headers, body = await origin.ask("/songs/abc/current.json", If_None_Match=etag)
            if status != 200:
                assert status in (304, 404)
                continue
            etag = headers["ETag"]
            assert etag == f'"{hashlib.sha256(body).hexdigest()}"'
            version = json.loads(body)["version"]
            seen.add(version)
            for path, expected in objects:
                status, _, body = await origin.ask(f"/songs/abc/{version}/{path}")
                assert (status, body) == (200, expected)

    async for origin in served(store):
        readers = [asyncio.create_task(hammer(origin)) for _ in range(4)]
        for number in range(15):
            await publish(store, song_id="abc", version=f"{number:016x}", objects=objects)
        done.set()
        await asyncio.gather(*readers)
    assert len(seen) > 2


class Troubled:
    """A real store whose `head` or `read` go wrong: `trouble` says how."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.trouble = ""

    async def head(self, key: str) -> ObjectInfo:
        if self.trouble == "head":
            raise StoreUnavailable("bucket music at 10.1.2.3: EndpointConnectionError")
        return await self._store.head(key)

    async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        if self.trouble == "read":
            raise StoreUnavailable("bucket music at 10.1.2.3: EndpointConnectionError")
        if self.trouble == "deleted":
            raise ObjectMissing("prefix/of/store: no such object")
        yield b"the first chunk"
        if self.trouble == "breaks off":
            raise StoreUnavailable("bucket music at 10.1.2.3: reset")


@pytest.fixture
async def troubled(published: ObjectStore) -> AsyncIterator[tuple[Origin, Troubled]]:
    store: Any = Troubled(published)
    async for running in served(store):
        yield running, store


@pytest.mark.parametrize(("trouble", "expected"), [("head", 503), ("read", 503), ("deleted", 404)])
async def test_a_store_in_trouble_before_the_first_byte(
    troubled: tuple[Origin, Troubled], trouble: str, expected: int
) -> None:
    origin, store = troubled
    store.trouble = trouble
    status, headers, body = await origin.ask(SEGMENT)
    assert status == expected
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Cache-Control"] == "no-store"
    assert b"10.1.2.3" not in body
    assert b"prefix" not in body


@pytest.mark.parametrize("trouble", ["breaks off", "is short"])
@pytest.mark.parametrize("asked", ["", "bytes=0-99", "bytes=0-99,200-299"])
async def test_a_store_in_trouble_after_the_first_byte(
    troubled: tuple[Origin, Troubled], trouble: str, asked: str
) -> None:
    """The client must learn that it has not got everything, and nothing else may be taken for the rest."""
    origin, store = troubled
    store.trouble = trouble
    with pytest.raises(aiohttp.ClientError):
        await origin.ask(SEGMENT, Range=asked)
    _, _, metrics = await origin.ask("/metrics")
    assert b'tonearm_origin_requests_total{kind="segment",status="503"} 1.0' in metrics


async def test_health(troubled: tuple[Origin, Troubled]) -> None:
    origin, store = troubled
    status, _, body = await origin.ask("/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    store.trouble = "head"
    status, headers, body = await origin.ask("/healthz")
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert b"10.1.2.3" not in body


async def test_metrics(origin: Origin) -> None:
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


async def test_a_client_that_leaves_early_harms_nobody(origin: Origin) -> None:
    for _ in range(10):
        async with origin.session.get(SEGMENT) as answer:
            assert await answer.content.readexactly(10)
            answer.close()
    status, _, body = await origin.ask(SEGMENT)
    assert (status, len(body)) == (200, len(BODY))
