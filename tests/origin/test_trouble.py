"""The origin while versions are published under its readers, and in front of a store in trouble."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from media.errors import ObjectMissing, StoreUnavailable
from media.ports import ObjectInfo, ObjectStore
from media.serving import JsonLines, error_log
from origin.app import Options
from origin.publish import publish
from origin.reading import Limits

SEGMENT = "/songs/abc/1111111111111111/audio/normal/00001.m4s"


async def test_a_reader_hammers_while_versions_are_published(
    store: ObjectStore, objects: list[tuple[str, bytes]], serve: Any
) -> None:
    """The pointer's ETag, length and bytes always belong together, and all that it names is there."""
    done = asyncio.Event()
    seen: set[str] = set()

    async def hammer(origin: Any) -> None:
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

    async with serve(store) as origin:
        readers = [asyncio.create_task(hammer(origin)) for _ in range(4)]
        for number in range(15):
            await publish(store, song_id="abc", version=f"{number:016x}", objects=objects)
        done.set()
        await asyncio.gather(*readers)
    assert len(seen) > 2


async def test_a_pointer_replaced_while_it_is_read(store: ObjectStore, serve: Any) -> None:
    """Between the look at its ETag and the reading of its bytes: they must belong together all the same."""
    versions = iter([b'{"version":1}', b'{"version":22}', b'{"version":333}'])

    async def put(body: bytes) -> None:
        await store.put(
            "songs/abc/current.json", body, media_type="application/json", cache_control="no-cache"
        )

    class Moving(Troubled):
        async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            if (body := next(versions, None)) is not None:
                await put(body)
            async for chunk in store.read(key, start, stop):
                yield chunk

    await put(next(versions))
    async with serve(Moving(store)) as origin:
        status, headers, body = await origin.ask("/songs/abc/current.json")
    assert (status, body) == (200, b'{"version":333}')
    assert headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert headers["Content-Length"] == str(len(body))


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
        if self.trouble == "is empty":
            return
        yield b"the first chunk"
        if self.trouble == "breaks off":
            raise StoreUnavailable("bucket music at 10.1.2.3: reset")


@pytest.fixture
async def troubled(published: ObjectStore, serve: Any) -> AsyncIterator[tuple[Any, Troubled]]:
    store = Troubled(published)
    async with serve(store) as running:
        yield running, store


@pytest.mark.parametrize(
    ("trouble", "expected"), [("head", 503), ("read", 503), ("is empty", 503), ("deleted", 404)]
)
async def test_a_store_in_trouble_before_the_first_byte(
    troubled: tuple[Any, Troubled], trouble: str, expected: int
) -> None:
    origin, store = troubled
    store.trouble = trouble
    status, headers, body = await origin.ask(SEGMENT)
    assert status == expected
    assert headers.get("Retry-After") == ("1" if expected == 503 else None)
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Cache-Control"] == "no-store"
    assert b"10.1.2.3" not in body
    assert b"prefix" not in body


@pytest.mark.parametrize(
    ("trouble", "asked"),
    [
        (trouble, asked)
        for trouble in ("breaks off", "is short")
        for asked in ("", "bytes=0-99", "bytes=0-99,200-299")
    ]
    + [("is empty", "bytes=0-99,200-299")],  # its frame is sent before the store shows that it has nothing
)
async def test_a_store_in_trouble_after_the_first_byte(
    troubled: tuple[Any, Troubled], trouble: str, asked: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The client must learn that it has not got everything, and nothing else may be taken for the rest."""
    origin, store = troubled
    store.trouble = trouble
    with pytest.raises(aiohttp.ClientError):
        await origin.ask(SEGMENT, Range=asked)
    assert [record.name for record in caplog.records if record.levelname == "ERROR"] == ["tonearm.error"]
    assert "10.1.2.3" in caplog.text or "missing" in caplog.text
    _, _, metrics = await origin.ask("/metrics")
    assert b'tonearm_origin_requests_total{kind="segment",status="503"} 1.0' in metrics


async def test_nothing_follows_half_an_answer(
    published: ObjectStore, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong behind the first piece, even what nobody thought of: no second answer in the first one's body."""
    path = "songs/abc/1111111111111111/audio/normal/track.mp4"
    await published.put(path, bytes(3 << 20), media_type="audio/mp4", cache_control="")

    class Buggy(Troubled):
        async def head(self, key: str) -> ObjectInfo:
            return await published.head(key)

        async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            if start:
                raise RuntimeError("nobody thought of this")
            async for chunk in published.read(key, start, stop):
                yield chunk

    async with serve(Buggy(published)) as origin:
        status, body = await origin.raw(f"/{path}".encode())
        assert status == 200
        assert body.count(0) == len(body) <= 1 << 20
        assert "nobody thought of this" in caplog.text
        _, _, metrics = await origin.ask("/metrics")
        assert b'tonearm_origin_requests_total{kind="segment",status="500"} 1.0' in metrics


async def test_a_store_without_a_free_call_is_a_503_and_says_when_to_come_again(
    published: ObjectStore, serve: Any
) -> None:
    gate = asyncio.Event()

    class Gated(Troubled):
        async def read(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
            await gate.wait()
            async for chunk in published.read(key, start, stop):
                yield chunk

    async with serve(Gated(published), Options(fast_path=False, limits=Limits(calls=1, queue=0))) as origin:
        waits = asyncio.create_task(origin.ask(SEGMENT))
        while not await origin.counted("store_busy"):
            pass
        # Its description would need a call as well.
        status, headers, body = await origin.ask(SEGMENT.replace("normal", "low"))
        assert (status, headers["Retry-After"]) == (503, "1")
        assert json.loads(body)["type"].endswith("store-busy")
        gate.set()
        assert (await waits)[0] == 200
        assert (await origin.ask(SEGMENT.replace("normal", "low")))[0] == 200


async def test_one_request_id_from_the_edge_to_the_store(troubled: tuple[Any, Troubled]) -> None:
    """What goes wrong at the store is logged under the id that the edge gave the request."""
    origin, store = troubled
    store.trouble = "head"
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(JsonLines())
    error_log.addHandler(handler)
    try:
        await origin.ask(SEGMENT, X_Request_Id="from-the-edge")
    finally:
        error_log.removeHandler(handler)
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["request_id"] for line in logged] == ["from-the-edge"] * 2
    assert "10.1.2.3" in logged[0]["message"]


async def test_health_and_readiness(troubled: tuple[Any, Troubled]) -> None:
    """A store in trouble is no reason to kill its server, but one to send nobody there."""
    origin, store = troubled
    status, headers, body = await origin.ask("/readyz")
    assert (status, json.loads(body)) == (200, {"status": "ready"})
    assert headers["Cache-Control"] == "no-store"
    store.trouble = "head"
    status, headers, body = await origin.ask("/readyz")
    assert status == 503
    assert headers["Content-Type"] == "application/problem+json"
    assert b"10.1.2.3" not in body
    status, _, body = await origin.ask("/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok"})
    store.trouble = ""
    assert (await origin.ask("/readyz"))[0] == 200
